"""Hosts as one Pulumi resource: what a program declares of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NoReturn

import pulumi
import pytest

import sovereign_ai.deploy
from sovereign_ai.deploy.hosts.configuration import HostConfiguration, hosts_of
from sovereign_ai.deploy.hosts.provider import inventories
from sovereign_ai.errors import UsageError
from sovereign_ai.render.hosts.site_facts import SiteFacts
from tests.render.lab import stack

LOOP = asyncio.new_event_loop()
"""Kept open: threads of Pulumi's mocks hang on it, with loops of their own that they never close."""


class Registered(pulumi.runtime.Mocks):
    """Keeps what a program declares."""

    def __init__(self) -> None:
        self.made: list[pulumi.runtime.MockResourceArgs] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[object, object]]:
        self.made.append(args)
        return args.name, dict(args.inputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> NoReturn:
        raise AssertionError(args.token)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    asyncio.set_event_loop(LOOP)  # Pulumi's mocks take the thread's, and a test before may have left none


def declared(**more: object) -> dict[str, object]:
    """Declare the lab's hosts and give the inputs that reached Pulumi."""
    mocks = Registered()
    pulumi.runtime.set_mocks(mocks)
    factory, _ = stack("lab")
    made = HostConfiguration("lab", factory, **more)  # type: ignore[arg-type]
    pulumi.runtime.sync_await._sync_await(made.urn.future())
    assert [one.typ for one in mocks.made] == ["sovereign-hosts:index:HostConfiguration"]
    return dict(mocks.made[0].inputs)


def test_a_resource_holds_names_and_a_digest_and_the_inventory_lies_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "hosts.yaml"
    file.write_text("account: robot\n", encoding="utf-8")
    inputs = declared(given=file, limit=["train-001", "serve-001"], budget=2)
    assert inputs.keys() == {"factory", "inventory", "units", "budget", "forks"}
    assert inputs["units"] == {"fra1-train-su0": ["train-001"], "fra1-serve-su0": ["serve-001"]}
    kept = inventories.load_inventory(str(inputs["inventory"]))
    assert [one.name for one in kept.hosts] == ["train-001", "serve-001"]
    assert kept.shared["all"]["ansible_user"] == "robot"


def test_a_limit_that_means_nobody_is_refused_with_the_nearest() -> None:
    factory, _ = stack("lab")
    with pytest.raises(UsageError, match="did you mean 'train-001'"):
        hosts_of(factory, SiteFacts(), ["trian-001"])
    with pytest.raises(pulumi.RunError, match="means no host"):
        declared(limit=["trian-001"])


def test_the_room_gives_the_resource_by_its_name() -> None:
    assert sovereign_ai.deploy.HostConfiguration is HostConfiguration

"""Inputs of a resource of hosts, and the inventories that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.rpc import UNKNOWN

from sovereign_ai.deploy.host_provider import inventories
from sovereign_ai.deploy.host_provider.inputs import judged, plain, struct
from sovereign_ai.errors import DeploymentError
from sovereign_ai.render.hosts.given import Given
from sovereign_ai.render.hosts.hosts import inventory
from sovereign_ai.render.hosts.inventory import Host, Inventory
from tests.render.lab import stack

TWO = Inventory((Host("a-1", "u0", ("machines",), {"port": 1}), Host("b.2", "u1", ("machines",), {})), {"machines": {"mtu": 9000}})
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = st.dictionaries(TEXT.filter(lambda name: not name.startswith("__")), st.recursive(TEXT | st.booleans(), st.lists, max_leaves=5))


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Inputs that name a kept inventory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return {"factory": "lab", "inventory": inventories.keep(TWO), "units": {"u0": ["a-1"], "u1": ["b.2"]}}


def test_an_inventory_is_read_as_it_was_kept_and_only_by_its_owner(inputs: dict[str, Any]) -> None:
    assert inventories.kept(inputs["inventory"]) == TWO
    assert inventories.place(inputs["inventory"]).stat().st_mode & 0o777 == 0o600


def test_the_labs_whole_inventory_keeps_its_digest_and_its_units(inputs: dict[str, Any]) -> None:
    whole = inventory(*stack("lab"), Given())
    kept = inventories.kept(inventories.keep(whole))
    assert (kept.digest, kept.units, kept.to_json()) == (whole.digest, whole.units, whole.to_json())


@pytest.mark.parametrize(
    ("text", "code"), [(None, "no-inventory"), (b"{", "other-inventory"), (b'{"hosts": [], "shared": {}}', "other-inventory")]
)
def test_an_inventory_that_is_not_what_its_digest_says_is_refused(inputs: dict[str, Any], text: bytes | None, code: str) -> None:
    if text is None:
        inventories.forget(inputs["inventory"])
    else:
        inventories.place(inputs["inventory"]).write_bytes(text)
    with pytest.raises(DeploymentError) as found:
        inventories.kept(inputs["inventory"])
    assert found.value.problems[0].code == code


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"inventory": UNKNOWN}, "unknown-value", "inventory"),
        ({"units": {"u0": [UNKNOWN]}}, "unknown-value", "units"),
        ({"inventory": "0" * 64}, "no-inventory", "inventory"),
        ({"units": {"u0": ["a-1"]}}, "other-hosts", "units"),
    ],
)
def test_what_is_not_known_not_kept_or_of_other_hosts_is_refused(
    inputs: dict[str, Any], change: dict[str, Any], code: str, field: str
) -> None:
    found, problems = judged({**inputs, **change})
    assert found is None
    assert [(one.code, one.where.field) for one in problems if one.where] == [(code, field)]


@given(PLAIN)
def test_properties_travel_to_the_engine_and_back_unchanged(properties: dict[str, Any]) -> None:
    assert plain(struct(properties)) == properties

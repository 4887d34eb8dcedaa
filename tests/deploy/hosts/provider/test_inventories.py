"""Inventories in the state folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.deploy.hosts.provider import inventories
from sovereign_ai.errors import DeploymentError
from sovereign_ai.render.hosts.hosts import inventory
from sovereign_ai.render.hosts.inventory_groups import Host, HostInventory
from sovereign_ai.render.hosts.site_facts import SiteFacts
from tests.render.lab import stack

TWO = HostInventory(
    (Host("a-1", "u0", ("machines",), {"port": 1}), Host("b.2", "u1", ("machines",), {})),
    {"machines": {"mtu": 9000}},
)


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Save an inventory, and return its digest."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return inventories.save_inventory(TWO)


def test_an_inventory_is_read_as_it_was_kept_and_only_by_its_owner(digest: str) -> None:
    assert inventories.load_inventory(digest) == TWO
    assert inventories.inventory_path(digest).stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("digest")
def test_the_labs_whole_inventory_keeps_its_digest_and_its_units() -> None:
    whole = inventory(*stack("lab"), SiteFacts())
    kept = inventories.load_inventory(inventories.save_inventory(whole))
    assert (kept.digest, kept.units, kept.to_json()) == (whole.digest, whole.units, whole.to_json())


@pytest.mark.parametrize(
    ("text", "code"),
    [(None, "no-inventory"), (b"{", "other-inventory"), (b'{"hosts": [], "shared": {}}', "other-inventory")],
)
def test_an_inventory_that_is_not_what_its_digest_says_is_refused(
    digest: str, text: bytes | None, code: str
) -> None:
    if text is None:
        inventories.remove_inventory(digest)
    else:
        inventories.inventory_path(digest).write_bytes(text)
    with pytest.raises(DeploymentError) as error:
        inventories.load_inventory(digest)
    assert error.value.problems[0].code == code

"""Inputs of a resource of hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.rpc import UNKNOWN

from sovereign_ai.deploy.hosts.provider import inventories
from sovereign_ai.deploy.hosts.provider.inputs import plain, struct, validated
from sovereign_ai.render.hosts.inventory_groups import Host, HostInventory

TWO = HostInventory(
    (Host("a-1", "u0", ("machines",), {"port": 1}), Host("b.2", "u1", ("machines",), {})),
    {"machines": {"mtu": 9000}},
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = st.dictionaries(
    TEXT.filter(lambda name: not name.startswith("__")),
    st.recursive(TEXT | st.booleans(), st.lists, max_leaves=5),
)


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Inputs that name a kept inventory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return {
        "factory": "lab",
        "inventory": inventories.save_inventory(TWO),
        "units": {"u0": ["a-1"], "u1": ["b.2"]},
    }


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
    found, problems = validated({**inputs, **change})
    assert found is None
    assert [(one.code, one.where.field) for one in problems if one.where] == [(code, field)]


@given(PLAIN)
def test_properties_travel_to_the_engine_and_back_unchanged(properties: dict[str, Any]) -> None:
    assert plain(struct(properties)) == properties

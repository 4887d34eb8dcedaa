"""Pulumi's checkpoints: what they hold, and why something is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sovereign_ai.deploy.state.checkpoint import DamagedCheckpointError, digest_of, parse
from tests.support.small_engine import checkpoint


def test_a_checkpoint_says_what_it_holds() -> None:
    data = checkpoint(3, time="2026-11-26T15:49:07.035330819Z", pending_operations=[{"type": "creating"}])
    found = parse(data, "lab", "lab")
    assert (found.objects, found.owned, len(found.resources)) == (3, 3, 4)
    assert (found.salt, found.engine, len(found.pending)) == ("v1:a:v1:b", "v3.259.0", 1)
    assert found.time == datetime(2026, 11, 26, 15, 49, 7, 35330, tzinfo=UTC)
    assert found.digest == digest_of(data)


def test_a_stack_that_was_just_made_holds_nothing() -> None:
    body = b'{"version":3,"checkpoint":{"stack":"organization/lab/lab"}}'
    found = parse(body, "lab", "lab")
    assert (found.objects, found.owned, found.pending, found.salt) == (0, 0, (), "")


@pytest.mark.parametrize("end", [1, 2, 10, 100, 300, 500, -1])
def test_a_checkpoint_that_is_cut_short_anywhere_is_damaged(end: int) -> None:
    with pytest.raises(DamagedCheckpointError, match=r"cut short or no JSON \(.*line 1 column"):
        parse(checkpoint(3)[:end], "lab", "lab")


def changed(*path: str | int, value: object = None) -> bytes:
    """Set one thing of a checkpoint that is JSON; without a value, remove it."""
    whole: dict[str, Any] = json.loads(checkpoint(2))
    *way, last = path
    item: Any = whole
    for step in way:
        item = item[step]
    if value is None:
        del item[last]
    else:
        item[last] = value
    return json.dumps(whole).encode()


LATEST = ("checkpoint", "latest")
LOST = "urn:pulumi:lab::lab::pulumi:providers:kubernetes::lost"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (bytes(4096), "no JSON"),
        (bytes(range(256)), "no JSON"),
        (b"{}", "holds no checkpoint"),
        (b"[]", "holds no checkpoint"),
        (b"null", "holds no checkpoint"),
        (changed("checkpoint"), "holds no checkpoint"),
        (changed("version"), "holds no checkpoint"),
        (
            changed("checkpoint", "stack", value="organization/lab/other"),
            "state of 'organization/lab/other' and not of 'organization/lab/lab'",
        ),
        (changed("checkpoint", "stack"), "state of 'None'"),
        (changed(*LATEST, value=[]), "deployment is no mapping"),
        (changed(*LATEST, "resources", value={"a": 1}), "resources are no list"),
        (changed(*LATEST, "resources", value=[1]), "resources are no list of mappings"),
        (changed(*LATEST, "resources", 1, "urn"), "resource number 1 has no URN"),
        (changed(*LATEST, "resources", 1, "type"), "resource number 1 has no URN or no type"),
        (changed(*LATEST, "pending_operations", value="none"), "pending_operations are no list"),
        (changed(*LATEST, "manifest", "time", value="yesterday"), "its time 'yesterday' is none"),
        (
            changed(*LATEST, "resources", 0),
            "object-0 names urn:pulumi:lab::lab::pulumi:pulumi:Stack::lab-lab",
        ),
        (changed(*LATEST, "resources", 1, "provider", value=f"{LOST}::id"), f"object-0 names {LOST}"),
        (changed(*LATEST, "resources", 1, "dependencies", value=["urn:lost"]), "object-0 names urn:lost"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_checkpoint_of_the_stack_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(DamagedCheckpointError, match=reason):
        parse(data, "lab", "lab")

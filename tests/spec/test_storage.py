"""Storage tiers and keys."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.storage import Encryption, Key, StorageProtocol, StorageTier

PACKAGE = Path(__file__).resolve().parents[2] / "sovereign_ai"

TIER = {"name": "s", "protocol": "nfs", "zone": "z", "capacity": "1 PB"}


def test_a_tier_is_encrypted() -> None:
    with pytest.raises(SpecError) as caught:
        StorageTier(**TIER)
    assert [problem.where.field for problem in caught.value.problems] == ["encryption"]


def test_a_stripe_has_eight_data_and_two_parity_drives_by_default() -> None:
    tier = StorageTier(**TIER, encryption=Encryption(key="k"))
    assert (tier.data_drives, tier.parity_drives) == (8, 2)


def test_a_revocation_takes_an_hour_by_default() -> None:
    key = Key(name="k", custodian="customer", module="pkcs11", jurisdiction="DE")
    assert key.revocation.count == 3_600


def tier_of(protocol: str) -> StorageTier:
    """Return a tier of a protocol."""
    return StorageTier(**{**TIER, "protocol": protocol}, encryption=Encryption(key="k"))


def test_a_protocol_stays_the_text_that_was_written() -> None:
    tier = tier_of("nfs")
    assert tier.protocol is StorageProtocol.NFS
    assert tier.model_dump(mode="json")["protocol"] == "nfs"
    assert type(tier.model_dump(mode="json")["protocol"]) is str
    assert '"protocol":"nfs"' in tier.model_dump_json()


def test_the_schema_lists_the_protocols_where_they_are_used() -> None:
    written = StorageTier.model_json_schema()["properties"]["protocol"]
    assert written["enum"] == ["parallel", "nfs", "object", "block"]
    assert "$ref" not in written


def test_an_unknown_protocol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SpecError) as caught:
        tier_of("nsf")
    [problem] = caught.value.problems
    assert problem.where.field == "protocol"
    assert "expected 'parallel', 'nfs', 'object' or 'block'" in problem.message
    assert problem.hint == "did you mean 'nfs'?"


@pytest.mark.parametrize(
    ("protocol", "has_class", "is_mounted", "mount_type", "scheme"),
    [
        ("parallel", True, True, "", ""),
        ("nfs", True, True, "nfs4", ""),
        ("object", False, False, "", "s3"),
        ("block", True, False, "", ""),
    ],
)
def test_a_protocol_says_what_it_needs(
    protocol: str, has_class: bool, is_mounted: bool, mount_type: str, scheme: str
) -> None:
    kind = StorageProtocol(protocol)
    assert (kind.has_storage_class, kind.is_mounted_by_hosts) == (has_class, is_mounted)
    assert (kind.mount_type, kind.uri_scheme) == (mount_type, scheme)
    assert bool(kind.mount_options) == bool(kind.mount_type)
    assert bool(kind.mount_source("10.0.0.1", "models")) == bool(kind.mount_type)


def compared(tree: ast.AST) -> list[int]:
    """Return the lines that compare a storage protocol with anything."""
    sides: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides += [node.left, *node.comparators]
        elif isinstance(node, ast.Match):
            sides.append(node.subject)
    return [side.lineno for side in sides if isinstance(side, ast.Attribute) and side.attr == "protocol"]


def test_no_module_compares_a_storage_protocol() -> None:
    assert compared(ast.parse('if tier.protocol == "nfs" or tier.protocol in {"object"}: pass')) == [1, 1]
    modules = sorted(PACKAGE.rglob("*.py"))
    assert len(modules) > 400
    places = {}
    for path in modules:
        lines = compared(ast.parse(path.read_bytes()))
        if lines:
            places[str(path.relative_to(PACKAGE))] = lines
    assert places == {}

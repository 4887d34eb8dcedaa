"""What a description records of itself on its cluster."""

from __future__ import annotations

import orjson

from sovereign_ai.render.kubernetes.record import machines, parts, recorded_parts
from tests.daytwo.edits import edited
from tests.daytwo.probes import Described
from tests.daytwo.table import described
from tests.render.lab import one, stack


def test_the_record_says_what_the_machines_of_each_pool_are() -> None:
    data = one("ConfigMap", "factory", "sovereign-system")["data"]
    facts = orjson.loads(data["machines"])
    assert list(facts) == ["serve", "train"]
    assert facts["serve"] == {
        "MIG profile": "none",
        "counted": "4",
        "driver": "580.95.5",
        "hall": "h1",
        "region": "fra1",
        "role": "work",
        "site": "fra1",
        "system": "dgx-h100",
        "zone": "open",
    }
    factory, plan = stack("lab")
    assert machines(plan, "lab") == facts
    assert recorded_parts(factory) == orjson.loads(data["parts"])


def test_a_part_that_is_only_renamed_keeps_its_fingerprint_and_so_do_those_that_name_it() -> None:
    before = described("full")
    after = edited(
        before,
        [
            {"rename": "site", "of": "ber1", "to": "ham1"},
            {"rename": "hall", "of": "h3", "to": "h9"},
            {"rename": "zone", "of": "restricted", "to": "citadel"},
            {"rename": "tenant", "of": "research", "to": "science"},
        ],
    )
    old, new = (parts(Described.of(data).factory) for data in (before, after))
    assert new["site"] == {"fra1": old["site"]["fra1"], "ham1": old["site"]["ber1"]}
    assert new["hall"]["h9"] == old["hall"]["h3"]
    assert new["zone"] == {"citadel": old["zone"]["restricted"], "open": old["zone"]["open"]}


def test_a_changed_field_changes_its_own_hash_alone() -> None:
    before = described("full")
    after = edited(before, [{"set": "sites[ber1].power.it_budget", "to": "90 kW"}])
    old, new = (parts(Described.of(data).factory)["site"]["ber1"] for data in (before, after))
    assert {field for field in old if old[field] != new[field]} == {"power"}

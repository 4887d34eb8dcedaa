"""What differs between two sites, and what is not compared because the files do not say it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sovereign_ai.adopt.comparison import MOST_SHOWN, compare
from sovereign_ai.adopt.standing import MACHINE, SWITCH, Device, StandingSite
from tests.adopt.kit import site
from tests.adopt.round_trip import PAIRS, planned, read_back, written


def small(port: str = "e0", **facts: str | int) -> StandingSite:
    """Return a machine below a leaf."""
    devices = {"n1": Device("n1", kind=MACHINE, **facts), "leaf": Device("leaf", kind=SWITCH)}  # type: ignore[arg-type]
    return StandingSite(devices, {}, ((("n1", port), ("leaf", "1")),))


def told(seen: StandingSite, plan: StandingSite) -> list[tuple[str, str, str, str]]:
    return [
        (difference.kind, difference.subject, difference.seen, difference.planned)
        for difference in compare(seen, plan).differences
    ]


def test_equal_sites_have_no_difference() -> None:
    comparison = compare(small(gpus=8), small(gpus=8))
    assert comparison.equal
    assert list(comparison.lines()) == ["equal to the plan in devices, gpus, cables"]


def test_a_fact_is_compared_where_the_files_state_it_at_all() -> None:
    assert told(small(), small(gpus=8, rack="r1")) == []
    assert told(small(gpus=4), small(gpus=8)) == [("fact", "gpus of n1", "4", "8")]
    assert told(small(model="DGX H100"), small(model="dgx-h100")) == []


def test_devices_and_cables_of_one_side_alone_are_named() -> None:
    seen = small()
    more = StandingSite(
        {**seen.devices, "n2": Device("n2", kind=MACHINE)}, {}, (*seen.cables, (("n2", "e0"), ("leaf", "2")))
    )
    assert told(seen, more) == [
        ("device", "n2", "", "machine"),
        ("cable", "leaf 2 to n2 e0", "", "a cable"),
    ]
    assert told(more, seen)[0] == ("device", "n2", "machine", "")


def test_ports_of_machines_are_compared_where_any_name_is_shared() -> None:
    assert told(small("mlx5_0"), small("compute0")) == []
    other = StandingSite(small().devices, {}, ((("n1", "e0"), ("leaf", "2")),))
    assert [kind for kind, *_ in told(small(), other)] == ["cable", "cable"]
    swapped = StandingSite(small("mlx5_0").devices, {}, ((("n1", "mlx5_0"), ("leaf", "2")),))
    assert len(told(swapped, small())) == 2


def test_files_without_switches_say_nothing_of_them() -> None:
    seen = StandingSite({"n1": Device("n1", kind=MACHINE)}, {}, ())
    assert told(seen, small()) == []


def test_types_of_interfaces_are_compared() -> None:
    seen = replace(small(), interfaces={("n1", "e0"): "400gbase-x-osfp"})
    other = replace(small(), interfaces={("n1", "e0"): "200gbase-x-qsfp56"})
    assert told(seen, other) == [("interface", "n1 e0", "400gbase-x-osfp", "200gbase-x-qsfp56")]


def test_many_differences_are_counted_and_not_listed() -> None:
    devices = {f"n{number}": Device(f"n{number}", kind=MACHINE) for number in range(MOST_SHOWN + 7)}
    lines = list(compare(StandingSite(devices, {}, ()), StandingSite({}, {}, ())).lines())
    assert lines[-2:] == [
        "and 7 more of kind device",
        f"{MOST_SHOWN + 7} differences from the plan; compared: devices",
    ]
    assert len(lines) == MOST_SHOWN + 2


@pytest.mark.parametrize(("name", "form"), PAIRS)
def test_a_cable_that_is_missing_is_found_in_every_format(name: str, form: str) -> None:
    seen = read_back(name, form)
    lost = seen.cables[len(seen.cables) // 2]
    cables = tuple(cable for cable in seen.cables if cable != lost)
    [difference] = compare(replace(seen, cables=cables), planned(name, form)).differences
    assert difference.kind == "cable"
    assert all(end[0] in difference.subject for end in lost)


def test_a_node_that_moved_to_another_leaf_is_found_in_the_text() -> None:
    texts = {
        source.file.rpartition("/")[2].replace(".", "_"): source.text
        for source in written("superpod", "slurm")
    }
    del texts["topology_yaml"]
    conf = texts["topology_conf"]
    first, second = "Nodes=dgx-[001-032]", "Nodes=dgx-[033-064]"
    assert first in conf
    assert second in conf
    texts["topology_conf"] = conf.replace(first, "Nodes=dgx-[001-031]").replace(second, "Nodes=dgx-[032-064]")
    seen = site("slurm", **texts)
    comparison = compare(seen, planned("superpod", "slurm"))
    assert [(one.kind, one.seen, one.planned) for one in comparison.differences] == [
        ("cable", "a cable", ""),
        ("cable", "", "a cable"),
    ]
    assert all("dgx-032" in one.subject for one in comparison.differences)

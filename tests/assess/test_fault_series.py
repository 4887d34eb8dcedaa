"""Faults from a seed: replayable, as often as counted, on the units that the plan has; and a file of them."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.assess import fault_series
from sovereign_ai.assess.fault_series import (
    FailureDomains,
    FaultDomain,
    FaultEvent,
    draw,
    parse_series,
    to_text,
)
from sovereign_ai.errors import SpecError
from sovereign_ai.plan import Rack
from tests.render.lab import stack
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool

_, LAB = stack("lab")
HEADER = "seconds,domain,unit,gpu,code,repair"


def test_a_seed_gives_the_same_faults_and_another_one_others() -> None:
    first = draw(LAB, "lab", seed=7, days=365)
    assert draw(LAB, "lab", seed=7, days=365) == first
    assert draw(LAB, "lab", seed=8, days=365) != first
    assert [event.seconds for event in first] == sorted(event.seconds for event in first)


def test_a_longer_time_begins_with_the_faults_of_a_shorter_one() -> None:
    month = [event for event in draw(LAB, "lab", seed=7, days=365) if event.seconds < 200 * 86_400]
    moments = [(event.seconds, event.domain) for event in draw(LAB, "lab", seed=7, days=200)]
    assert moments == [(event.seconds, event.domain) for event in month]


def test_each_cause_is_as_frequent_as_it_was_counted() -> None:
    # 128 GPUs for 100 years: 419 interruptions of 16,384 GPUs in 54 days, without six silent ones and
    # without a tenth of 35, which are faults of switches.
    days = 3_650.0
    gpus = sum(node.gpus for node in LAB.nodes_of("lab"))
    share = gpus * days / (16_384 * 54)
    counts = Counter[FaultDomain]()
    for seed in range(10):
        counts.update(event.domain for event in draw(LAB, "lab", seed=seed, days=days))
    expected = {FaultDomain.GPU: 148 + 72 + 19 + 17, FaultDomain.NIC: 7 + 31.5, FaultDomain.NODE: 46}
    for domain, counted in expected.items():
        mean = 10 * share * counted
        assert abs(counts[domain] - mean) < 4 * mean**0.5, domain
    assert counts[FaultDomain.NVLINK] == 0


def test_a_series_is_read_back_from_its_file() -> None:
    series = draw(LAB, "lab", seed=3, days=2_000)
    assert len(series) > 50
    assert parse_series(to_text(series), "faults.csv", LAB, "lab") == series


def test_a_series_that_was_drawn_before_is_drawn_again() -> None:
    """What a report names by its seed stays what it was: no new kind of fault moves the others."""
    known = {1: "54ec595c016e19a9", 7: "dc4c35bb46677f6b"}
    trained = plan_of(factory_of(pool("train")))
    for seed, digest in known.items():
        text = to_text(draw(trained, CLUSTER, seed=seed, days=3_000))
        assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


def test_what_nobody_counted_is_drawn_by_no_seed() -> None:
    uncounted = {
        FaultDomain.RAIL,
        FaultDomain.SCALABLE_UNIT,
        FaultDomain.SWITCH_DAEMON,
        FaultDomain.API_SERVER,
    }
    causes = fault_series._causes(FailureDomains(LAB, "lab"))
    domains = {cause.domain for cause in causes}
    # The lab has no NVLink domains.
    assert domains == set(FaultDomain) - uncounted - {FaultDomain.NVLINK}


def test_each_switch_has_a_daemon_that_takes_along_the_machines_behind_it() -> None:
    units = FailureDomains(LAB, "lab").units
    assert units[FaultDomain.SWITCH_DAEMON] == {**units[FaultDomain.LEAF], **units[FaultDomain.SPINE]}
    assert units[FaultDomain.API_SERVER] == {"lab": ()}


def test_what_hangs_together_fails_together() -> None:
    domains = FailureDomains(LAB, "lab")
    racks = {node.name: node.rack for node in LAB.nodes_of("lab")}
    for rack, names in domains.units[FaultDomain.RACK].items():
        assert {racks[name] for name in names} == {rack}
    for names in domains.units[FaultDomain.LEAF].values():
        assert names
    assert set(domains.units[FaultDomain.SPINE].values()) == {()}


def test_a_feed_stops_the_machines_that_keep_too_few_supplies_and_no_others() -> None:
    domains = FailureDomains(LAB, "lab")
    # The lab's servers have six supplies over three feeds and need four: any feed may be lost, but not two.
    assert set(domains.units[FaultDomain.FEED].values()) == {()}
    assert len(domains.units[FaultDomain.FEED]) == 3


def test_drivers_without_numbered_faults_report_none() -> None:
    factory = factory_of(pool("train"), pool("red", "mi300x-oam8", 1))
    units = FailureDomains(plan_of(factory), CLUSTER).units
    assert set(units[FaultDomain.GPU]) == {"train-0001", "train-0002"}
    assert set(units[FaultDomain.NODE]) == {"train-0001", "train-0002", "red-0001"}


@pytest.mark.parametrize(
    ("row", "code", "hint"),
    [
        ("1,gpu,train-0003,1,48,7", "unit-unknown", "did you mean"),
        ("1,gp,train-003,3,48,7", "domain-unknown", "did you mean 'gpu'?"),
        ("-1,gpu,train-003,3,48,7", "bad-number", "at most 9 digits"),
        ("1,gpu,train-003,3,48,1e9", "bad-number", "at most 9 digits"),
        ("1,gpu,train-003,8,48,7", "fault-unknown", "numbered 0 to 7"),
        ("1,gpu,train-003,,48,7", "fault-unknown", "numbered 0 to 7"),
        ("1,gpu,train-003,3,49,7", "fault-unknown", "simulated are 46, 48"),
        ("1,gpu,train-003,3,13,7", "fault-unknown", "simulated are 46, 48"),
        ("1,gpu,train-003,3,0,7", "fault-unknown", "simulated are 46, 48"),
        ("1,application,train-003,3,48,7", "fault-unknown", "simulated are 8, 11, 13"),
        ("1,thermal,train-003,,48,7", "fault-unknown", "write 0"),
        ("1,thermal,train-003,3,0,7", "fault-unknown", "leave the cell empty"),
        ("1,nic,train-003,8,0,7", "fault-unknown", "ports of train-003 are numbered 0 to 7"),
        ("1,node,train-003,,79,7", "fault-unknown", "write 0"),
        ("1,rack,h1-r001,3,0,7", "fault-unknown", "leave the cell empty"),
        ("1,rail,compute-fra1-p0/r8,,0,7", "unit-unknown", "did you mean 'compute-fra1-p0/r"),
        ("1,nvlink,x,,74,7", "unit-unknown", "the plan has no nvlink"),
        ("1,gpu,train-003", "bad-row", HEADER),
    ],
)
def test_a_row_that_is_no_fault_is_refused_with_its_line(row: str, code: str, hint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_series(f"{HEADER}\n0,gpu,train-001,0,48,7\n{row}\n1,2\n", "faults.csv", LAB, "lab")
    first, last = caught.value.problems
    assert (first.code, first.where.line, hint in first.hint) == (code, 3, True)
    assert (last.code, last.where.line) == ("bad-row", 4)


def test_a_series_names_any_unit_of_any_domain() -> None:
    """Whatever the plan has may be broken, also where nobody knows how often it breaks."""
    codes = {FaultDomain.GPU: 48, FaultDomain.APPLICATION: 13, FaultDomain.NVLINK: 74}
    domains, rows = FailureDomains(LAB, "lab"), [HEADER]
    for domain, units in domains.units.items():
        gpu = "0" if domain in {FaultDomain.GPU, FaultDomain.APPLICATION} else ""
        rows += [f"1,{domain},{unit},{gpu},{codes.get(domain, 0)},7" for unit in units]
    read = parse_series("\n".join(rows), "faults.csv", LAB, "lab")
    assert len(read) == len(rows) - 1
    assert {event.domain for event in read} == set(FaultDomain) - {FaultDomain.NVLINK}


def test_a_rail_and_a_scalable_unit_take_along_the_machines_that_are_on_them() -> None:
    units, nodes = FailureDomains(LAB, "lab").units, LAB.nodes_of("lab")
    assert list(units[FaultDomain.RAIL]) == [f"compute-fra1-p0/r{rail}" for rail in range(8)]
    for machines in units[FaultDomain.RAIL].values():
        assert set(machines) == {node.name for node in nodes}
    for unit, machines in units[FaultDomain.SCALABLE_UNIT].items():
        assert set(machines) == {node.name for node in nodes if node.scalable_unit == unit}


def test_a_gpu_without_numbered_faults_breaks_as_often_as_any_other() -> None:
    """Its machine falls silent; faults of other makers' GPUs are not added to those with numbers."""
    both = plan_of(factory_of(pool("train", nodes=4), pool("red", "mi300x-oam8", 4)))
    days, counts = 3_650.0, Counter[tuple[str, FaultDomain]]()
    for seed in range(10):
        counts.update((event.unit[:3], event.domain) for event in draw(both, CLUSTER, seed=seed, days=days))
    mean = 10 * (148 + 72 + 19 + 17) * 32 * days / (16_384 * 54)
    machine = 10 * 46 * 32 * days / (16_384 * 54)
    assert abs(counts["tra", FaultDomain.GPU] - mean) < 4 * mean**0.5
    assert counts["red", FaultDomain.GPU] == 0
    assert abs(counts["red", FaultDomain.NODE] - mean - machine) < 4 * (mean + machine) ** 0.5
    assert abs(counts["tra", FaultDomain.NODE] - machine) < 4 * machine**0.5


@pytest.mark.parametrize("text", ["", "seconds,domain\n", "1,gpu,train-001,0,48,7\n"])
def test_a_file_without_its_header_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="not the header"):
        parse_series(text, "faults.csv", LAB, "lab")


def losses(*rows: tuple[float, FaultDomain, str, float]) -> list[FaultEvent]:
    """Return losses of power by their second, domain, unit and time of repair."""
    return [FaultEvent(second, domain, unit, None, 0, repair) for second, domain, unit, repair in rows]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 20), st.sampled_from(("pdu", "feed")), st.integers(0, 8), st.integers(1, 20)
        ),
        min_size=1,
        max_size=6,
    )
)
@settings(deadline=None, max_examples=60)
def test_power_that_is_lost_at_once_counts_together(drawn: list[tuple[int, str, int, int]]) -> None:
    """Against supplies counted each second: six a server over three PDUs in turn, of which it needs four."""
    domains = FailureDomains(LAB, "lab")
    racks = [rack for rack in LAB.racks if not set(rack.devices).isdisjoint(domains.nodes)][:3]
    events = []
    for second, word, number, repair in sorted(drawn):
        rack = racks[number // 3 % len(racks)]
        unit = rack.pdu_names[number % 3] if word == "pdu" else f"{rack.site}/{rack.pdus[number % 3]}"
        events += losses((float(second), FaultDomain(word), unit, float(repair)))

    for number, event in enumerate(events):
        expected = {}
        for rack in LAB.racks:
            touched = {*rack.pdu_names, *(f"{rack.site}/{feed}" for feed in rack.pdus)}
            for name in domains.nodes.keys() & rack.devices if event.unit in touched else ():
                until = event.seconds
                while is_dark(events[: number + 1], rack, domains.nodes[name].place, until):
                    until += 1
                if until > event.seconds:
                    expected[name] = until
        assert domains.struck(event, events[:number]) == expected


def is_dark(events: list[FaultEvent], rack: Rack, place: int, moment: float) -> bool:
    """Return whether too few supplies of a server have power at a second."""
    lost = set()
    for event in events:
        if event.seconds <= moment < event.seconds + event.repair:
            for number, name in enumerate(rack.pdu_names):
                if event.unit in {name, f"{rack.site}/{rack.pdus[number]}"}:
                    lost.add(number)
    return sum((place * 6 + number) % 3 not in lost for number in range(6)) < 4


def test_without_two_of_three_feeds_every_machine_is_dark_until_one_is_back() -> None:
    domains = FailureDomains(LAB, "lab")
    first, second = losses((0, FaultDomain.FEED, "fra1/A", 900), (60, FaultDomain.FEED, "fra1/B", 3_600))
    assert domains.struck(first) == {}
    assert domains.struck(second) == {}
    dark = domains.struck(second, [first])
    assert set(dark) == set(domains.nodes)
    assert set(dark.values()) == {900}
    assert domains.struck(second, losses((0, FaultDomain.FEED, "fra1/A", 60))) == {}

"""Losses in a twin: flows, predictions and who is cut off."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sovereign_ai.errors import DeploymentError
from sovereign_ai.fabric_twin import failures, planes
from sovereign_ai.fabric_twin.failures import Lost, alive, crossing, leaf_lost, port_lost, predicted_loss
from sovereign_ai.fabric_twin.sample import Sample, choose_sample, predict
from tests.fabric_twin.answering import Pings, Quiet
from tests.fabric_twin.planar import shaped
from tests.render.lab import stack


@pytest.fixture(scope="module")
def lab() -> Sample:
    return choose_sample(*stack("lab"))


def test_a_loss_is_reported_in_milliseconds_and_paths() -> None:
    lost = Lost(0.25, 0.1, 3, 4)
    assert "at most 250 ms, and 100 ms when it came back" in str(lost)
    assert str(lost).endswith("3 of 4 paths left")
    assert lost.figures() == {"silent_ms": 250, "back_ms": 100, "paths": 3, "of": 4}


def test_flows_leave_one_leaf_for_others_and_are_spread_over_all_of_them(lab: Sample) -> None:
    traffic = crossing(lab.parts[0], 16)
    assert len(traffic.flows) == 16
    assert {source.leaf for source, _ in traffic.flows} == {traffic.leaf.switch.name}
    assert all(target.leaf != traffic.leaf.switch.name for _, target in traffic.flows)
    assert traffic.other == traffic.flows[0][1].leaf
    assert len({source.host for source, _ in traffic.flows}) > 1


def test_a_plane_in_which_no_flow_leaves_a_leaf_is_an_error(
    lab: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "pairs_of", lambda *_rails, **_zone: [])
    with pytest.raises(DeploymentError, match="no-flows"):
        crossing(lab.parts[0])


@pytest.fixture(scope="module")
def flat() -> Sample:
    return choose_sample(*shaped("flat", rails=1, radix=64), name="compute-fra1-p0")


@pytest.mark.parametrize("check", [failures.link_lost, failures.link_flaps, failures.spine_lost])
def test_a_plane_of_one_leaf_has_nothing_above_it_to_lose_and_says_so(flat: Sample, check: Any) -> None:
    [part] = flat.parts
    assert (len(part.tier("leaf")), len(part.tier("spine"))) == (1, 0)
    report = [predict(flat, shaped("flat", rails=1, radix=64)[1]).planes[part.name]]
    # Nothing is asked of the twin, which has no namespaces here.
    arguments: list[Any] = [Quiet(flat), part, Pings(lambda _pair: True)]
    arguments += report if check is failures.spine_lost else []
    passed, text, figures = check(*arguments)
    assert passed
    assert text.startswith("one leaf, and so no ")
    assert figures == {}


@pytest.mark.parametrize(("check", "kind"), [(port_lost, "link to a machine"), (leaf_lost, "leaf")])
def test_the_one_leaf_of_a_plane_takes_its_hosts_with_it_as_predicted(
    flat: Sample, monkeypatch: pytest.MonkeyPatch, check: Any, kind: str
) -> None:
    [part], ports = flat.parts, Ports()
    monkeypatch.setattr(failures, "switch_ports", ports.set)

    def answers(pair: Any) -> bool:
        return not any((end.leaf, end.leaf_interface) in ports.down for end in pair)

    report: Any = predict(flat, shaped("flat", rails=1, radix=64)[1]).planes[part.name]
    passed, text, figures = check(Quiet(flat), part, Pings(answers), report)
    assert passed, text
    assert figures["cut"] == predicted_loss(report, kind).endpoints > 0


SEVERAL = {"rails": 1, "radix": 16, "leaf_hosts": 3}
"""Two leaves of three hosts each: the second has one of the four machines of the first leaf's zone."""


@pytest.mark.parametrize("nodes", [(4, 2), (8, 1), (1, 7)])
@pytest.mark.parametrize(("check", "kind"), [(port_lost, "link to a machine"), (leaf_lost, "leaf")])
def test_a_lost_leaf_takes_no_host_of_another_with_it_that_has_nobody_left_to_ask(
    monkeypatch: pytest.MonkeyPatch, check: Any, kind: str, nodes: tuple[int, int]
) -> None:
    """More hosts than are asked are at the lost leaf; the last of a zone is alone; a zone has one machine."""
    factory, derived = shaped("several", nodes=nodes, **SEVERAL)
    sample = choose_sample(factory, derived, name="compute-fra1-p0")
    [part], ports = sample.parts, Ports()
    assert len(part.tier("leaf")) > 1
    monkeypatch.setattr(failures, "switch_ports", ports.set)

    def answers(pair: Any) -> bool:
        return not any((end.leaf, end.leaf_interface) in ports.down for end in pair)

    report: Any = predict(sample, derived).planes[part.name]
    passed, text, figures = check(Quiet(sample), part, Pings(answers), report)
    assert passed, text
    assert figures["cut"] == predicted_loss(report, kind).endpoints > 0


def test_a_host_of_another_leaf_that_does_not_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The opposite of the test above: who has somebody to ask and hears nothing is counted."""
    factory, derived = shaped("several", nodes=(8, 1), **SEVERAL)
    sample = choose_sample(factory, derived, name="compute-fra1-p0")
    [part], ports = sample.parts, Ports()
    monkeypatch.setattr(failures, "switch_ports", ports.set)
    report: Any = predict(sample, derived).planes[part.name]
    silent = next(end for end in part.endpoints if end.leaf != predicted_loss(report, "leaf").example)

    def answers(pair: Any) -> bool:
        reaches = not any((end.leaf, end.leaf_interface) in ports.down for end in pair)
        return reaches and not (ports.down and silent in pair)

    passed, _, figures = leaf_lost(Quiet(sample), part, Pings(answers), report)  # type: ignore[arg-type]
    assert not passed
    assert figures["cut"] == predicted_loss(report, "leaf").endpoints + 1


PAIR = {"spines": "none", "breakout": 2, "leaf_rails": 4, "radix": 64}


def test_flows_of_leaves_that_serve_several_rails_go_to_the_nearest_rail_of_another_leaf() -> None:
    [part] = choose_sample(*shaped("pair", **PAIR), name="compute-fra1-p0").parts
    assert (len(part.tier("leaf")), part.plane.leaf_leaf > 0) == (2, True)
    traffic = crossing(part)
    assert {source.rail for source, _ in traffic.flows} == {0}
    assert {target.rail for _, target in traffic.flows} == {4}
    assert {target.leaf for _, target in traffic.flows} == {traffic.other} != {traffic.leaf.switch.name}


def test_a_pair_of_leaves_has_no_spine_to_lose() -> None:
    sample = choose_sample(*shaped("pair", **PAIR), name="compute-fra1-p0")
    report = predict(sample, shaped("pair", **PAIR)[1]).planes[sample.parts[0].name]
    passed, text, _ = failures.spine_lost(Quiet(sample), sample.parts[0], Pings(lambda _: True), report)  # type: ignore[arg-type]
    assert passed
    assert text == "two leaves without spines, and so no spine to lose"


def test_a_host_port_is_alive_if_any_of_three_others_answers(lab: Sample) -> None:
    part = lab.parts[0]
    silent = part.endpoints[0]
    pings: Any = Pings(lambda pair: pair[0] is not silent)
    assert alive([part], pings) == set(part.endpoints) - {silent}
    asked_of_each = [source for source, _ in pings.pinged]
    assert max(asked_of_each.count(end) for end in part.endpoints) == 3


class Ports:
    """Which ports of switches are down, as commands set them."""

    def __init__(self) -> None:
        self.down: set[tuple[str, str]] = set()

    def set(self, _twin: Any, switch: str, names: Any, state: str) -> None:
        for name in names:
            (self.down.add if state == "down" else self.down.discard)((switch, name))


@pytest.mark.parametrize(("check", "kind"), [(port_lost, "link to a machine"), (leaf_lost, "leaf")])
def test_a_loss_is_compared_with_its_prediction_and_undone(
    lab: Sample, monkeypatch: pytest.MonkeyPatch, check: Any, kind: str
) -> None:
    part, ports = lab.parts[0], Ports()
    monkeypatch.setattr(failures, "switch_ports", ports.set)

    def answers(pair: Any) -> bool:
        return not any((end.leaf, end.leaf_interface) in ports.down for end in pair)

    report: Any = predict(lab, stack("lab")[1]).planes[part.name]
    passed, text, figures = check(Quiet(lab), part, Pings(answers), report)
    loss = predicted_loss(report, kind)
    assert passed, text
    assert (figures["cut"], figures["machines"], figures["gpus"]) == (loss.endpoints, loss.nodes, loss.gpus)
    assert ports.down == set()
    wrong = SimpleNamespace(
        losses=[SimpleNamespace(kind=kind, endpoints=0, nodes=0, gpus=0, example=loss.example)]
    )
    assert not check(Quiet(lab), part, Pings(answers), wrong)[0]


def test_ports_that_were_taken_down_before_a_failure_come_back(
    lab: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    part, ports = lab.parts[0], Ports()

    def fail_halfway(twin: Any, switch: str, names: Any, state: str) -> None:
        ports.set(twin, switch, list(names)[:1] if state == "down" else names, state)
        if state == "down":
            assert ports.down
            raise KeyboardInterrupt

    monkeypatch.setattr(failures, "switch_ports", fail_halfway)
    report: Any = predict(lab, stack("lab")[1]).planes[part.name]
    with pytest.raises(KeyboardInterrupt):
        leaf_lost(Quiet(lab), part, Pings(lambda _pair: True), report)  # type: ignore[arg-type]
    assert ports.down == set()


def test_a_change_under_traffic_that_fails_halfway_is_undone(
    lab: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        def __init__(self, *_given: Any) -> None: ...

        def run(self, _seconds: float) -> None: ...

    monkeypatch.setattr(failures, "Stream", Silent)
    undone: list[str] = []

    def away() -> None:
        raise KeyboardInterrupt

    pings: Any = Pings(lambda _pair: True)
    with pytest.raises(KeyboardInterrupt):
        failures._under_traffic(
            Quiet(lab),  # type: ignore[arg-type]
            pings,
            crossing(lab.parts[0]),
            away,
            lambda: undone.append("back"),
        )
    assert undone == ["back"]


def test_a_plane_that_went_down_in_part_before_a_failure_comes_back(
    lab: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[str] = []

    def fail_at_once(_twin: Any, _switch: str, _names: Any, state: str) -> None:
        states.append(state)
        if state == "down":
            raise KeyboardInterrupt

    monkeypatch.setattr(planes, "switch_ports", fail_at_once)
    monkeypatch.setattr(planes, "Stream", lambda *_given: None)
    pings: Any = Pings(lambda _pair: True)
    part, foretold = lab.parts[0], predict(lab, stack("lab")[1])
    with pytest.raises(KeyboardInterrupt):
        planes.plane_lost(Quiet(lab), part, pings, foretold)  # type: ignore[arg-type]
    assert states == ["down"] + ["up"] * len(part.switches)


def test_host_ports_that_never_come_back_end_the_wait(lab: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_SOUGHT", 0.0)
    returned, seconds = failures.all_back(lab.parts[:1], Pings(lambda _pair: False), 0.0)  # type: ignore[arg-type]
    assert returned == 0
    assert seconds > 0

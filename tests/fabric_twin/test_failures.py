"""Losses in a twin: flows, predictions and who is cut off."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sovereign_ai.errors import DeploymentError
from sovereign_ai.fabric_twin import failures
from sovereign_ai.fabric_twin.failures import Lost, alive, crossing, leaf_lost, port_lost, predicted_loss
from sovereign_ai.fabric_twin.sample import Sample, choose_sample, predict
from tests.fabric_twin.answering import Pings, Quiet
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


def test_host_ports_that_never_come_back_end_the_wait(lab: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_SOUGHT", 0.0)
    returned, seconds = failures.all_back(lab.parts[:1], Pings(lambda _pair: False), 0.0)  # type: ignore[arg-type]
    assert returned == 0
    assert seconds > 0

"""Who maintains a machine, whatever stands in a NodeMaintenance."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.operate.repair.maintenance import MEDIK8S, NVIDIA, maintainers
from sovereign_ai.operate.repair.watched import _kept_maintenance


def of_nvidia(stage: str | None, node: str = "train-003", **spec: Any) -> dict[str, Any]:
    conditions = [] if stage is None else [{"type": "Ready", "status": "False", "reason": stage}]
    return {
        "apiVersion": NVIDIA,
        "metadata": {"namespace": "network-operator", "name": "m"},
        "spec": {"nodeName": node, "requestorID": "nvidia.network.operator", **spec},
        "status": {"conditions": conditions},
    }


def of_medik8s(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": MEDIK8S, "metadata": {"name": "m"}, "spec": {"nodeName": "train-003", **spec}}


@pytest.mark.parametrize(
    "reason", ["Scheduled", "Cordon", "WaitForPodCompletion", "Draining", "Ready", "RequestorFailed"]
)
def test_the_requestor_is_named_from_when_its_maintenance_begins(reason: str) -> None:
    (text,) = maintainers([of_nvidia(reason, additionalRequestors=["other.operator"])]).values()
    assert (
        text == f"nvidia.network.operator, other.operator, by NodeMaintenance network-operator/m ({reason})"
    )


@pytest.mark.parametrize("reason", [None, "", "Pending"])
def test_a_maintenance_that_waits_for_its_turn_keeps_nobody_away(reason: str | None) -> None:
    assert maintainers([of_nvidia(reason)]) == {}


def test_one_of_medik8s_holds_as_long_as_it_is_there() -> None:
    assert maintainers([of_medik8s(reason="NIC replacement")]) == {
        "train-003": "NodeMaintenance m of Medik8s (NIC replacement)"
    }


def test_of_several_all_are_named() -> None:
    text = maintainers([of_medik8s(), of_nvidia("Ready")])["train-003"]
    assert "Medik8s (no reason given), and nvidia.network.operator" in text


def test_of_many_the_first_are_named_and_the_rest_is_counted() -> None:
    (text,) = maintainers([of_medik8s(reason="x" * 5_000)] * 1_000).values()
    assert len(text) < 1_000
    assert text.endswith(", and 997 more")


@pytest.mark.parametrize(
    "conditions", [5, "Ready", ["Ready"], [None], {"type": "Ready"}, [{"type": ["Ready"]}]]
)
def test_conditions_of_another_shape_are_none(conditions: Any) -> None:
    each = of_nvidia("Ready") | {"status": {"conditions": conditions}}
    assert maintainers([each]) == {}
    assert maintainers([_kept_maintenance(NVIDIA, each)]) == {}


@pytest.mark.parametrize("odd", [None, 5, [], {}, "", "x" * 5_000])
@pytest.mark.parametrize("field", ["nodeName", "requestorID", "additionalRequestors", "reason"])
def test_whatever_a_field_holds_is_read_and_bounded(field: str, odd: Any) -> None:
    for each in (of_nvidia("Ready", **{field: odd}), of_medik8s(**{field: odd})):
        for node, text in maintainers([each]).items():
            assert len(node) + len(text) < 1_000
    for part in ("spec", "status"):
        maintainers([of_nvidia("Ready") | {part: odd}])
        maintainers([_kept_maintenance(NVIDIA, of_nvidia("Ready") | {part: odd})])

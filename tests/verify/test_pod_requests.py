"""What pods ask for: the largest need at a time, from their start on."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from sovereign_ai.verify.pod_requests import requests_of_pod, requests_of_workload


def box(cpu: str, **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu}}, **more}


def sidecar(cpu: str) -> dict[str, Any]:
    return box(cpu, restartPolicy="Always")


@pytest.mark.parametrize(
    ("spec", "cores"),
    [
        ({"containers": [box("1"), box("500m")]}, "1.5"),
        ({"containers": [{"resources": {"limits": {"cpu": "2"}}}]}, "2"),
        ({"containers": [box("1")], "initContainers": [box("4"), box("3")]}, "4"),
        ({"containers": [box("1")], "initContainers": [sidecar("2")]}, "3"),
        # It starts while the first sidecar runs already, and before the second.
        ({"containers": [box("1")], "initContainers": [sidecar("2"), box("4"), sidecar("1")]}, "6"),
        ({"containers": [box("9")], "initContainers": [sidecar("2"), box("4"), sidecar("1")]}, "12"),
        ({"containers": [box("1")], "overhead": {"cpu": "250m"}}, "1.25"),
        ({"containers": [box("1")], "initContainers": [box("4")], "overhead": {"cpu": "1"}}, "5"),
    ],
    ids=["sum", "limit", "init", "sidecar", "init after sidecar", "run", "overhead", "init and overhead"],
)
def test_a_pod_asks_for_what_it_takes_at_the_most_at_a_time(spec: dict[str, Any], cores: str) -> None:
    assert requests_of_pod(spec)["cpu"] == Fraction(cores)


def test_a_workload_asks_for_all_of_its_pods() -> None:
    one = {"count": 3, "template": {"spec": {"containers": [box("2")]}}}
    other = {"template": {"spec": {"containers": [box("1")], "initContainers": [sidecar("1")]}}}
    assert requests_of_workload({"spec": {"podSets": [one, other]}}) == {"cpu": Fraction(8)}

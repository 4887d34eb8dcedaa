from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from sovereign_ai.names import KEYS
from sovereign_ai.rules.defaulting import admitted, as_stored
from tests.rules.deciding import small_context
from tests.rules.subject import pod


def test_a_plain_pod_gets_the_selector_and_toleration_of_its_zone() -> None:
    plain = pod()
    before = deepcopy(plain)
    spec = admitted(plain, small_context())["spec"]
    assert spec["nodeSelector"] == {KEYS.zone: "restricted", KEYS.jurisdiction: "DE"}
    assert [toleration["value"] for toleration in spec["tolerations"]] == ["restricted"]
    assert plain == before


def test_what_a_pod_names_itself_is_kept() -> None:
    own = {"key": KEYS.namespace_zone, "operator": "Exists"}
    spec = admitted(pod(nodeSelector={KEYS.zone: "open"}, tolerations=[own]), small_context())["spec"]
    assert spec["nodeSelector"][KEYS.zone] == "open"
    assert spec["tolerations"] == [own]


@pytest.mark.parametrize("spec", [{"nodeSelector": "x"}, {"tolerations": "x"}, {"tolerations": ["x"]}])
def test_a_pod_of_the_wrong_shape_is_returned_as_it_is(spec: dict[str, Any]) -> None:
    broken = pod(**spec)
    assert admitted(broken, small_context()) is broken


def test_a_pod_of_no_zone_is_returned_as_it_is() -> None:
    stranger = pod(namespace="elsewhere")
    assert admitted(stranger, small_context()) is stranger


@pytest.mark.parametrize("kind", ["Job", "ReplicationController"])
def test_a_job_without_labels_is_stored_with_those_of_its_pods(kind: str) -> None:
    template = {"metadata": {"labels": {"app": "x"}}}
    job = {"kind": kind, "metadata": {"name": "x"}, "spec": {"template": template}}
    assert as_stored(job)["metadata"] == {"name": "x", "labels": {"app": "x"}}
    own = {**job, "metadata": {"name": "x", "labels": {"own": "y"}}}
    assert as_stored(own) == own
    other = {**job, "kind": "Deployment"}
    assert as_stored(other) == other


@pytest.mark.parametrize("spec", [None, "x", {"template": []}, {"template": {"metadata": {"labels": "x"}}}])
def test_a_template_of_the_wrong_shape_gives_no_labels(spec: Any) -> None:
    job = {"kind": "Job", "metadata": {"name": "x"}, "spec": spec}
    assert as_stored(job) == job

from __future__ import annotations

from dataclasses import replace

from sovereign_ai.verify.compare import compare, compare_machines
from sovereign_ai.verify.observation import observe
from tests.sim.plans import CLUSTER
from tests.verify.small_bundle import small_bundle
from tests.verify.test_verdict import FACTORY, INTRUDER, PLAN, memory

OBJECTS = small_bundle(FACTORY, PLAN).objects


def test_a_missing_object_of_a_kind_that_is_not_served_needs_its_crd() -> None:
    observed = observe(memory(), FACTORY, OBJECTS)
    kind = ("networking.k8s.io/v1", "NetworkPolicy")
    objects = {key: value for key, value in observed.objects.items() if key != kind}
    without = replace(observed, objects=objects, unserved=(kind,))
    hints = {finding.hint for finding in compare(without, OBJECTS) if finding.kind == "missing"}
    assert hints == {"the server does not serve this kind: install its CRD, then run `sovereign-ai up`"}


def test_an_object_in_another_version_of_its_kind_is_another_object() -> None:
    observed = observe(memory(), FACTORY, OBJECTS)
    wanted = [{"apiVersion": "v9", "kind": "Namespace", "metadata": {"name": "research"}}]
    assert "missing" in {finding.kind for finding in compare(observed, wanted)}


def test_findings_are_sorted_by_resource() -> None:
    api = memory()
    api.delete("v1", "Node", "train-0002")
    api.delete("networking.k8s.io/v1", "NetworkPolicy", "own-zone", "research")
    api.create(INTRUDER)
    observed = observe(api, FACTORY, OBJECTS)
    names = [finding.resource for finding in compare(observed, OBJECTS)]
    assert names == sorted(names)
    assert len(names) == 2
    assert [finding.resource for finding in compare_machines(observed, FACTORY, PLAN, CLUSTER)] == [
        "Node/train-0002"
    ]

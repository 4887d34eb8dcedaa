"""The phases keep every order that a deployment by Pulumi keeps."""

from __future__ import annotations

import pytest

from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.order import RIGHTS, is_policy_binding, with_needed
from sovereign_ai.render.delivery.argocd import _GROUPS
from sovereign_ai.render.delivery.phases import PHASES, phase_of
from sovereign_ai.render.kubernetes.bundle import KIND_ORDER
from tests.render.lab import bundle


def test_every_kind_that_is_ever_rendered_is_in_exactly_one_phase():
    kinds = [kind for _, kinds in PHASES for kind in kinds]
    assert sorted(kinds) == sorted(KIND_ORDER)


@pytest.mark.parametrize("name", ["lab", "superpod", "plural"])
def test_whatever_an_object_needs_is_applied_in_an_earlier_phase(name: str):
    objects = bundle(name).objects
    phases = {resource_name(obj): phase_of(obj["kind"]) for obj in objects}
    pairs = 0
    for obj in objects:
        own = resource_name(obj)
        for need in with_needed(objects, [own]) - {own}:
            assert phases[need] < phases[own], (need, own)
            pairs += 1
    assert pairs > len(objects) / 2


def test_policies_are_in_force_before_anything_that_they_judge_but_namespaces():
    enforced = max(phase_of(kind) for kind in KIND_ORDER if is_policy_binding(kind))
    earlier = {kind for kind in KIND_ORDER if phase_of(kind) <= enforced}
    assert {kind for kind in earlier if "AdmissionPolicy" not in kind} == {"Namespace"}


def test_limits_and_rights_wait_for_no_object_of_an_operator_that_may_be_missing():
    kueue = {kind for kind, group in _GROUPS.items() if group == "kueue.x-k8s.io"}
    assert {obj["kind"] for obj in bundle().objects if obj["apiVersion"].startswith("kueue.")} < kueue
    first = min(map(phase_of, kueue))
    assert all(phase_of(kind) < first for kind in KIND_ORDER if kind not in kueue)
    assert phase_of("NetworkPolicy") < min(phase_of(kind) for kind in RIGHTS if kind in KIND_ORDER)


def test_a_kind_that_is_never_rendered_has_no_phase():
    with pytest.raises(ValueError, match="no phase has the kind Pod"):
        phase_of("Pod")

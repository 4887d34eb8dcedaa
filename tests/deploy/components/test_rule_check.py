"""The check of the rules before any write."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from sovereign_ai.deploy.components.rule_check import ViolationError, gate
from sovereign_ai.errors import ExitCode
from tests.render.lab import bundle, stack


def test_a_bundle_that_the_rules_permit_passes_with_its_verdict() -> None:
    assert gate(*stack("lab"), bundle()).ok


def test_namespaces_without_pod_security_are_refused_each_with_its_remediation() -> None:
    objects = copy.deepcopy(bundle().objects)
    for obj in objects:
        labels = obj["metadata"].get("labels", {})
        for name in [name for name in labels if "pod-security" in name]:
            del labels[name]
    with pytest.raises(ViolationError) as error:
        gate(*stack("lab"), replace(bundle(), objects=objects))
    assert error.value.exit_code is ExitCode.FINDINGS
    namespaces = [obj for obj in objects if obj["kind"] == "Namespace"]
    assert [problem.code for problem in error.value.problems] == ["NSP-002"] * len(namespaces)
    assert all(problem.hint for problem in error.value.problems)

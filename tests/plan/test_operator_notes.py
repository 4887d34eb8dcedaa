"""Operators that were given nothing to install."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.plan.operator_notes import idle_operators
from tests.rules.subject import factory_of

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab" / "factory.yaml"
GROUPS = {
    "gpu-operator": ("gpus", "nvidia.com", "ClusterPolicy"),
    "network-operator": ("network", "mellanox.com", "NicClusterPolicy"),
}


def definition(operator: str) -> dict[str, Any]:
    """Return a definition of an operator's policy that takes any field."""
    _, group, kind = GROUPS[operator]
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural},
            "scope": "Cluster",
            "versions": [version],
        },
    }


def platform(operator: str, *manifests: dict[str, Any]) -> dict[str, Any]:
    """Return a platform with one operator and its manifests."""
    return {
        GROUPS[operator][0]: operator,
        "controllers": [{"name": operator, "manifests": list(manifests)}],
    }


@pytest.mark.parametrize("operator", GROUPS)
def test_an_operator_with_a_definition_and_no_policy_is_noted_until_a_policy_is_there(operator: str) -> None:
    _, group, kind = GROUPS[operator]
    (note,) = idle_operators(factory_of(platform=platform(operator, definition(operator))))
    assert note.field == "platform.controllers[0].manifests[0]"
    assert f"define {kind} and bring none" in note.text
    assert f"platform settings STACK {operator}" in note.text
    policy = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "policy"}, "spec": {}}
    assert list(idle_operators(factory_of(platform=platform(operator, definition(operator), policy)))) == []


def test_an_operator_that_somebody_else_installs_is_not_noted() -> None:
    assert list(idle_operators(factory_of(platform=platform("gpu-operator")))) == []
    assert list(idle_operators(factory_of())) == []


def test_validate_prints_the_note(tmp_path: Path) -> None:
    text = LAB.read_text(encoding="utf-8")
    data = {"platform": platform("gpu-operator", definition("gpu-operator"))}
    (tmp_path / "factory.yaml").write_text(text + yaml.safe_dump(data), encoding="utf-8")
    result = CliRunner().invoke(app, ["validate", str(tmp_path)])
    assert result.exit_code == 0
    assert "platform settings STACK gpu-operator" in " ".join(result.stdout.split())

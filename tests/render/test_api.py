"""The bundle against the real API server's own schema, and custom resources against Kueue's own
definitions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.render.lab import bundle

if TYPE_CHECKING:
    from tests.conftest import Deployed

pytestmark = pytest.mark.cluster


def test_the_api_server_takes_every_object_strictly_and_unchanged(deployed_lab: Deployed):
    for obj in deployed_lab.bundle.objects:
        answer = deployed_lab.api.apply(obj, field_manager="sovereign-ai", force=True, dry_run=True)
        assert _within(obj, answer) == [], (obj["kind"], obj["metadata"]["name"])


@pytest.mark.parametrize("name", ["lab", "superpod", "plural", "gigafactory"])
def test_custom_resources_fit_kueues_own_definitions(name: str):
    from sovereign_ai.toolchain.install import module_files

    schemas = _schemas(module_files("kueue", "config/components/crd/bases"))
    custom = [obj for obj in bundle(name).objects if obj["apiVersion"].startswith("kueue.")]
    assert custom
    for obj in custom:
        schema = schemas[obj["apiVersion"], obj["kind"]]
        assert [error.message for error in Draft202012Validator(schema).iter_errors(obj)] == []
        assert set(obj["spec"]) <= set(schema["properties"]["spec"]["properties"])


def _schemas(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Read the served versions' schemas."""
    found = {}
    for path in sorted(folder.rglob("*.yaml")):
        for definition in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if not definition or definition.get("kind") != "CustomResourceDefinition":
                continue
            spec = definition["spec"]
            for version in spec["versions"]:
                if version["served"]:
                    found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = version["schema"][
                        "openAPIV3Schema"
                    ]
    return found


def _within(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Name the places where the server's object is not what was sent; what it adds is its own affair."""
    if isinstance(wanted, dict):
        return [
            place
            for key, value in wanted.items()
            for place in _within(value, found.get(key), f"{path}.{key}")
        ]
    if isinstance(wanted, list):
        if not isinstance(found, list) or len(found) < len(wanted):
            return [path]
        return [
            place
            for number, value in enumerate(wanted)
            for place in _within(value, found[number], f"{path}[{number}]")
        ]
    return [] if wanted == found else [path]

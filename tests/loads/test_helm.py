"""The chart in Helm itself: no finding of `helm lint`, and `helm template` yields the rendered objects."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.render.delivery.helm import chart_files
from tests.loads.go_programs import HELM
from tests.render.interop.test_output_files import SMALL
from tests.render.lab import bundle, stack

pytestmark = pytest.mark.loads

KEEP = "helm.sh/resource-policy"


def chart(folder: Path, name: str) -> Path:
    """Write the chart of a stack's first cluster."""
    for path, text in chart_files(bundle(name), stack(name)[1]).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(HELM), *words], capture_output=True, text=True, check=False, timeout=300)


def by_name(objects: list[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Give kind, namespace and name to the object, without what Helm is told to keep."""
    named = {}
    for document in objects:
        metadata = dict(document["metadata"])
        annotations = dict(metadata.pop("annotations", {}))
        annotations.pop(KEEP, None)
        if annotations:
            metadata["annotations"] = annotations
        key = (document["kind"], metadata.get("namespace", ""), metadata["name"])
        named[key] = {**document, "metadata": metadata}
    assert len(named) == len(objects)
    return named


@pytest.mark.parametrize("name", SMALL)
def test_helm_finds_nothing_wrong_and_yields_the_rendered_objects(name: str, tmp_path: Path):
    folder = chart(tmp_path, name)
    lint = helm("lint", "--strict", str(folder))
    assert lint.returncode == 0, lint.stdout + lint.stderr
    done = helm("template", "factory", str(folder))
    assert done.returncode == 0, done.stderr
    yielded = [document for document in yaml.load_all(done.stdout, yaml.CSafeLoader) if document]
    assert by_name(yielded) == by_name(list(bundle(name).objects))


def test_helm_refuses_a_value_and_notices_an_action_that_is_not_escaped(tmp_path: Path):
    folder = chart(tmp_path, "lab")
    assert helm("template", "factory", str(folder), "--set", "replicas=2").returncode != 0
    (template, *_) = sorted((folder / "templates").iterdir())
    template.write_text(template.read_text() + '---\na: {{ required "x" .Values.missing }}\n')
    assert helm("template", "factory", str(folder)).returncode != 0

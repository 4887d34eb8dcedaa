"""The inputs of the Kubernetes provider."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sovereign_ai.deploy.components.provider import provider_inputs
from sovereign_ai.errors import EnvironmentLacksError
from tests.render.lab import stack


def kubeconfig(folder: Path, current: str | None) -> str:
    """Write a kubeconfig with two contexts, and return its path."""
    contexts = [{"name": name, "context": {"cluster": "k", "user": "u"}} for name in ("first", "second")]
    content: dict[str, object] = {
        "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:1"}}],
        "contexts": contexts,
    }
    if current is not None:
        content["current-context"] = current
    path = folder / "kubeconfig"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def test_the_files_current_context_is_named_so_that_a_later_switch_does_not_count(tmp_path: Path) -> None:
    factory, _ = stack("lab")
    file = kubeconfig(tmp_path, "first")
    assert provider_inputs(factory, file)["context"] == "first"
    assert provider_inputs(factory, file, "second")["context"] == "second"


def test_without_a_context_none_is_named_and_the_path_stays_as_it_was_written(tmp_path: Path) -> None:
    factory, _ = stack("lab")
    file = kubeconfig(tmp_path, None)
    inputs = provider_inputs(factory, file)
    assert "context" not in inputs
    assert inputs["kubeconfig"] == file
    assert inputs["enableServerSideApply"] is True


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    factory, _ = stack("lab")
    with pytest.raises(EnvironmentLacksError):
        provider_inputs(factory, str(tmp_path / "missing"))

"""What the program tells Pulumi's provider, by which a state later knows on which cluster its objects stand."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pytest

from sovereign_ai.deploy.components import provider_settings
from sovereign_ai.deploy.standing import standing
from tests.render.lab import stack

CONTEXT = """
apiVersion: v1
kind: Config
current-context: {context}
contexts: [{{name: prod, context: {{cluster: k, user: u}}}}]
clusters: [{{name: k, cluster: {{server: "https://127.0.0.1:1"}}}}]
"""


def test_the_state_remembers_the_file_and_the_context_that_was_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factory, _ = stack("lab")
    file = tmp_path / "config"
    file.write_text(CONTEXT.format(context="prod"))
    monkeypatch.setenv("KUBECONFIG", str(file))
    inputs = provider_settings(factory)
    found = standing("lab", tmp_path, [{"type": "pulumi:providers:kubernetes", "inputs": inputs}, {"type": "kubernetes:core/v1:Pod"}])
    assert (found.kubeconfig, found.context) == (file, "prod")
    file.write_text(CONTEXT.format(context='""'))
    assert "context" not in provider_settings(factory)


def test_what_is_no_file_says_how_to_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(pulumi.RunError, match="sovereign-ai env"):
        provider_settings(stack("lab")[0])

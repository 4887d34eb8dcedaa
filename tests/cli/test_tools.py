"""`tools`: the SBOM, and why a node image is not the published one."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from sovereign_ai.cli.tools import _why_not_published
from sovereign_ai.toolchain import bill_of_materials as sbom
from sovereign_ai.toolchain.node_image.build import NodeImage

STACKS = Path(__file__).resolve().parents[2] / "stacks"
LAB = str(STACKS / "lab")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_the_sbom_is_written_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbom, "sbom", lambda: b'{"b": 1}\n')
    file = tmp_path / "sbom.json"
    assert call("tools", "sbom", "-o", str(file)).exit_code == 0
    assert file.read_bytes() == call("tools", "sbom").stdout_bytes == b'{"b": 1}\n'


@pytest.mark.parametrize(
    ("again", "way", "reason"),
    [(True, "build", "--again"), (False, "engine", "docker image rm"), (False, "build", "no registry")],
)
def test_the_reason_for_an_image_that_is_not_the_published_one_is_named(
    again: bool, way: str, reason: str
) -> None:
    image = NodeImage("sovereign-ai/node:v1", "sha256:0", way, "recipe", {})  # type: ignore[arg-type]
    assert reason in _why_not_published(image, again)

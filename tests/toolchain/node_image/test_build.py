"""Where the node image comes from, decided against an engine of our own making: nothing is built, pulled or
asked of a registry.
"""

from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.toolchain.node_image.build import RECIPE, TAG, folder, node_image, recipe
from sovereign_ai.toolchain.table import KIND_NODE

GIVES, REFUSES = "exit 0", "echo denied >&2; exit 1"


class Engine:
    """A `docker` that writes down what it is asked, and has the image once it was loaded or built."""

    def __init__(self, path: Path, *, manifest: str = REFUSES, pull: str = REFUSES) -> None:
        self.path = path
        (path / "docker").write_text(
            f"""#!/bin/sh
echo "$@" >> {path}/asked
case "$1 $2" in
  version*) echo 28.1.0;;
  "image inspect") test -e {path}/there || exit 1; [ "$4" = "{{{{.Id}}}}" ] && echo sha256:abc || cat {path}/there;;
  "manifest inspect") {manifest};;
  "pull --quiet") {pull};;
  "build --quiet") cp -r "$5" {path}/context; echo "{KIND_NODE}" > {path}/there;;
  "load "*) cat > {path}/loaded; echo {recipe()} > {path}/there;;
esac
"""  # noqa: E501 - one literal text
        )
        (path / "docker").chmod(0o755)

    @property
    def asked(self) -> list[str]:
        return (self.path / "asked").read_text().splitlines()

    @property
    def of_a_registry(self) -> list[str]:
        return [line for line in self.asked if line.startswith(("manifest", "pull", "build"))]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PATH but for what a shell needs, and a cache that holds our image."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ours = folder(recipe())
    ours.mkdir(parents=True)
    (ours / "image.tar").write_bytes(b"our image")
    (ours / "record.json").write_bytes(orjson.dumps({"tag": TAG}))
    return tmp_path


def test_nothing_is_asked_of_a_registry_unbidden(path: Path) -> None:
    engine = Engine(path, manifest=GIVES, pull=GIVES)
    made = node_image(progress=lambda _line: None)
    assert (made.way, made.recipe, made.record) == ("cache", recipe(), {"tag": TAG})
    assert engine.of_a_registry == []
    assert (path / "loaded").read_bytes() == b"our image"


@pytest.mark.parametrize("damage", ["cut", "list", "pipe", "folder", "missing"])
def test_a_damaged_note_of_the_build_costs_the_note_alone(path: Path, damage: str) -> None:
    Engine(path)
    note = folder(recipe()) / "record.json"
    note.unlink()
    if damage == "pipe":
        os.mkfifo(note)
    elif damage == "folder":
        note.mkdir()
    elif damage != "missing":
        note.write_bytes({"cut": b'{"tag": "sov', "list": b"[1]"}[damage])
    made = node_image(progress=lambda _line: None)
    assert (made.way, made.record) == ("cache", {})


def test_where_no_registry_gives_the_published_image_ours_stands_in_and_nothing_is_pulled(path: Path) -> None:
    engine, said = Engine(path), list[str]()
    made = node_image(progress=said.append, published=True)
    assert made.way == "cache"
    assert engine.of_a_registry == [f"manifest inspect {KIND_NODE}"]
    assert "@sha256:" in KIND_NODE, "asked for by digest"
    assert any("asking for the published one" in line for line in said)


def test_a_pull_that_fails_is_told_with_the_engines_words_and_ours_stands_in(path: Path) -> None:
    engine, said = Engine(path, manifest=GIVES), list[str]()
    assert node_image(progress=said.append, published=True).way == "cache"
    assert engine.of_a_registry == [f"manifest inspect {KIND_NODE}", f"pull --quiet {KIND_NODE}"]
    assert any("not pulled" in line and "denied" in line for line in said)


def test_a_published_image_that_is_given_gets_our_tag_audit_policy_and_key(path: Path) -> None:
    Engine(path, manifest=GIVES, pull=GIVES)
    made = node_image(progress=lambda _line: None, published=True)
    assert (made.way, made.recipe, made.record) == ("published", KIND_NODE, {})
    lines = (path / "context" / "Dockerfile").read_text().splitlines()
    assert lines[0] == f"FROM {KIND_NODE}"
    assert f'LABEL {RECIPE}="{KIND_NODE}"' in lines
    assert (
        orjson.loads((path / "context" / "etc" / "sovereign-ai" / "audit.json").read_bytes())["kind"]
        == "Policy"
    )
    assert (path / "context" / "usr" / "local" / "bin" / "sovereign-secrets").stat().st_mode & 0o111
    assert node_image(progress=lambda _line: None).way == "engine", "what was pulled is kept"


@pytest.mark.parametrize(("manifest", "way"), [(REFUSES, "cache"), (GIVES, "published")])
def test_the_command_says_when_ours_stands_in(path: Path, manifest: str, way: str) -> None:
    Engine(path, manifest=manifest, pull=GIVES)
    done = CliRunner().invoke(app, ["tools", "node-image", "--published"])
    assert done.exit_code == 0, done.output
    assert f"({way})" in done.stdout
    assert (
        "no registry gave the published image: this is the one that is built from source" in done.stdout
    ) is (way == "cache")


def test_the_command_says_when_our_image_is_there_already_and_no_registry_was_asked(path: Path) -> None:
    engine = Engine(path, manifest=GIVES, pull=GIVES)
    node_image(progress=lambda _line: None)
    done = CliRunner().invoke(app, ["tools", "node-image", "--published"])
    remedy = f"the built one is in the container engine; `docker image rm {TAG}` first"
    assert f"the published image was not pulled: {remedy}" in done.stdout
    assert engine.of_a_registry == []

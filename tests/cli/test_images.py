"""`images verify`: what each signature proves, what is missing and what was not checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from tests.support.image_signatures import KeyPair, bundle, digest_of, envelope, key_pair, statement

SMALL = Path(__file__).resolve().parents[1] / "hostile" / "small.yaml"
ONE, TWO = digest_of("one"), digest_of("two")
IMAGE = "registry.example.com/ai/train"


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"), "cosign")


def describe(folder: Path, key: KeyPair, image: str, **images: object) -> Path:
    """Write a stack whose one workload runs an image, and the signature of ONE."""
    (folder / "signatures").mkdir(exist_ok=True)
    (folder / "cosign.pub").write_bytes(key.public.read_bytes())
    signed = bundle(dsseEnvelope=envelope(key, statement(ONE)))
    (folder / "signatures" / "one.json").write_text(json.dumps(signed))
    workload = {
        "name": "language",
        "tenant": "research",
        "pool": "train",
        "kind": "training",
        "nodes": 1,
        "image": image,
        "data": ["personal"],
    }
    declared = {
        "registries": ["registry.example.com/ai"],
        "signers": [{"name": "release", "key": "cosign.pub"}],
        "signatures": ["signatures"],
        **images,
    }
    small = yaml.safe_load(SMALL.read_text(encoding="utf-8"))
    whole = {**small, "workloads": [workload], "images": declared}
    (folder / "factory.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    return folder


def test_signed_images_are_listed_with_signer_and_file_and_what_was_not_checked(
    tmp_path: Path, key: KeyPair
) -> None:
    stack = describe(tmp_path, key, f"{IMAGE}@{ONE}")
    done = call("images", "verify", stack)
    assert done.exit_code == 0, done.output
    text = " ".join(done.stdout.split())
    assert f"{ONE} release - signatures/one.json" in text
    assert "not checked: the transparency log" in text
    data = json.loads(call("images", "verify", stack, "--json").stdout)
    assert data["images"] == [
        {"digest": ONE, "signer": "release", "builder": "", "file": "signatures/one.json"}
    ]
    assert data["registries"] == ["registry.example.com/ai/"]
    assert not {finding["rule"] for finding in findings(stack)} & {"SUP-010", "IMG-004"}


def test_an_image_that_nobody_signed_is_a_finding_here_and_a_violation_of_check(
    tmp_path: Path, key: KeyPair
) -> None:
    stack = describe(tmp_path, key, f"{IMAGE}@{TWO}")
    done = call("images", "verify", stack)
    assert done.exit_code == 1
    assert f"unsigned workload language: {IMAGE}@{TWO}: no valid signature by release" in done.stdout
    [finding] = [finding for finding in findings(stack) if finding["rule"] == "SUP-010"]
    assert (finding["status"], finding["field"]) == ("violation", "workloads[0].image")
    assert finding["line"]


def test_a_signature_that_does_not_count_is_told_with_its_reason(tmp_path: Path, key: KeyPair) -> None:
    stranger = key_pair(tmp_path, "stranger")
    stack = describe(tmp_path, stranger, f"{IMAGE}@{ONE}", signers=[{"name": "release", "key": key.text}])
    done = call("images", "verify", stack)
    assert done.exit_code == 1
    assert "refused signatures/one.json: no declared key made it" in done.stdout


def test_without_signers_nothing_has_to_be_signed(tmp_path: Path, key: KeyPair) -> None:
    stack = describe(tmp_path, key, f"{IMAGE}@{ONE}", signers=[], signatures=[])
    done = call("images", "verify", stack)
    assert done.exit_code == 0
    assert "declares no signers" in done.stdout


def findings(stack: Path) -> list[dict[str, object]]:
    answer = json.loads(call("check", stack, "--json").stdout)
    return [finding for cluster in answer["clusters"] for finding in cluster["findings"]]

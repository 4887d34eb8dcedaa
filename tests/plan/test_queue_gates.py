"""Kueue's manifests that leave a gate on by which jobs lose dedicated machines, and those that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.cluster.embedded.queueing import _FEATURES
from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.queue_gates import GATE, gate_notes
from sovereign_ai.spec.factory import AIFactory
from tests.queues.mirrored import GATES
from tests.rules.subject import factory_of

from .factories import stack

STACKS = Path(__file__).resolve().parents[2] / "stacks"
MANAGER = {"name": "manager", "image": "registry.example.com/ai/kueue@sha256:" + "a" * 64}
OFF = f"{GATE}=false"
HEADER = "apiVersion: config.kueue.x-k8s.io/v1beta2\nkind: Configuration\n"


def deployment(*args: str, **container: Any) -> dict[str, Any]:
    """Return Kueue's Deployment, started with these arguments."""
    pod = {"containers": [{**MANAGER, "args": ["--zap-log-level=2", *args], **container}]}
    labels = {"app.kubernetes.io/name": "kueue"}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    metadata = {"name": "kueue-controller-manager"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def configuration(text: str) -> dict[str, Any]:
    """Return the ConfigMap with Kueue's configuration."""
    data = {"controller_manager_config.yaml": HEADER + text}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kueue-config"}, "data": data}


def described(*manifests: dict[str, Any], version: str = "v0.17.0", nodes: str = "dedicated") -> AIFactory:
    controller = {"name": "kueue", "version": version, "manifests": list(manifests)}
    factory = factory_of(platform={"queueing": "kueue", "controllers": [controller]})
    data = factory.to_data()
    for zone in data["zones"]:
        zone["isolation"]["nodes"] = nodes
    return AIFactory(**data)


def notes(*manifests: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    return [(note.field, note.text) for note in gate_notes(described(*manifests, **more))]


LEFT_ON = {
    "as published": [
        deployment("--config=/controller_manager_config.yaml"),
        configuration("leaderElection: {}"),
    ],
    "no arguments": [deployment()],
    "another gate": [deployment("--feature-gates=VisibilityOnDemand=false")],
    "switched on": [deployment(f"--feature-gates=VisibilityOnDemand=false,{GATE}=true")],
    "the last argument counts": [deployment(f"--feature-gates={OFF}", "--feature-gates=MultiKueue=false")],
    "another gate in the configuration": [deployment(), configuration("featureGates: {MultiKueue: false}")],
    "switched on in the configuration": [deployment(), configuration(f"featureGates: {{{GATE}: true}}")],
    "named against all others": [deployment(f"--feature-gates=AllBeta=false,{GATE}=true")],
    "a manager by its image": [deployment(name="controller")],
}
SWITCHED_OFF = {
    "by argument": [deployment(f"--feature-gates={OFF}")],
    "among others": [deployment(f"--feature-gates={GATES}")],
    "by two arguments": [deployment("--feature-gates", OFF)],
    "by one dash": [deployment(f"-feature-gates={OFF}")],
    "in the command": [deployment(command=["/manager", f"--feature-gates={OFF}"])],
    "by a word of Go": [deployment(f"--feature-gates={GATE}=F")],
    "in the configuration": [deployment(), configuration(f"featureGates:\n  {GATE}: false\n")],
    "with all of its stage": [deployment("--feature-gates=AllBeta=false")],
    "with topologies": [deployment(f"--feature-gates=TopologyAwareScheduling=false,{OFF}")],
    "no controller": [configuration("leaderElection: {}")],
    "another program": [deployment(name="backend", image="registry.example.com/ai/kueueviz-backend")],
}


@pytest.mark.parametrize("manifests", LEFT_ON.values(), ids=LEFT_ON)
def test_manifests_that_leave_the_gate_on_are_noted_where_zones_have_machines_of_their_own(
    manifests: list[dict[str, Any]],
) -> None:
    [(_, text)] = notes(*manifests)
    assert f"leaves {GATE} on" in text
    assert "zones restricted, open" in text
    assert notes(*manifests, nodes="shared") == []
    # Before 0.17 it is off unless it is named.
    explicit = f"{GATE}=true" in str(manifests) or f"{GATE}: true" in str(manifests)
    assert bool(notes(*manifests, version="v0.16.2")) is explicit
    assert notes(*manifests, version="v0.20.6") != []


@pytest.mark.parametrize("manifests", SWITCHED_OFF.values(), ids=SWITCHED_OFF)
def test_manifests_that_switch_the_gate_off_or_start_no_kueue_are_not_noted(
    manifests: list[dict[str, Any]],
) -> None:
    assert notes(*manifests) == []


@pytest.mark.parametrize(
    ("manifests", "field", "remedy"),
    [
        (LEFT_ON["no arguments"], 0, f"`--feature-gates={OFF}` among its `args`"),
        (LEFT_ON["another gate"], 0, f"`{OFF}` into its argument `--feature-gates`"),
        (
            LEFT_ON["another gate in the configuration"],
            1,
            f"`{GATE}: false` under its `featureGates` of controller_manager_config.yaml",
        ),
    ],
)
def test_the_note_says_what_to_write_where_the_gates_stand_already(
    manifests: list[dict[str, Any]], field: int, remedy: str
) -> None:
    [(at, text)] = notes(*manifests)
    assert at == f"platform.controllers[0].manifests[{field}]"
    assert text.endswith(f"write {remedy}")


def test_gates_in_both_places_are_noted_whatever_they_say_since_kueue_ends_at_its_start() -> None:
    both = [deployment(f"--feature-gates={OFF}"), configuration(f"featureGates: {{{GATE}: false}}")]
    [(field, text)] = notes(*both)
    assert field == "platform.controllers[0].manifests[0]"
    assert "ConfigMap/kueue-system/kueue-config" in text
    assert "keep one of them" in text


def test_what_is_no_configuration_of_kueue_is_passed_over() -> None:
    others = configuration("featureGates: [")
    others["data"] |= {"a": "featureGates: {}", "b": "config.kueue.x-k8s.io/ is no mapping"}
    assert len(notes(deployment(), others)) == 1


def test_validate_names_the_file_and_line_and_the_plan_warns_without_them(tmp_path: Path) -> None:
    lab = (STACKS / "lab" / "factory.yaml").read_text(encoding="utf-8")
    platform = "platform:\n  queueing: kueue\n  controllers:\n    - {name: kueue, manifests: [kueue.yaml]}\n"
    (tmp_path / "factory.yaml").write_text(lab + platform, encoding="utf-8")
    found = {}
    for gates in ("MultiKueue=false", OFF):
        objects = [configuration("leaderElection: {}"), deployment(f"--feature-gates={gates}")]
        text = "\n---\n".join(orjson.dumps(obj).decode() for obj in objects)
        (tmp_path / "kueue.yaml").write_text(text, encoding="utf-8")
        result = CliRunner().invoke(app, ["validate", str(tmp_path), "--json"])
        assert result.exit_code == 0, result.output
        found[gates] = [note for note in orjson.loads(result.stdout)["notes"] if GATE in note]
    assert found[OFF] == []
    [note] = found["MultiKueue=false"]
    assert note.startswith(
        f"{tmp_path / 'kueue.yaml'}:2:1: platform.controllers[0].manifests[1]: Deployment/"
    )


def test_the_plan_warns_without_the_place_which_is_no_part_of_its_digest() -> None:
    platform = described(deployment()).to_data()["platform"]
    factory = AIFactory(**{**stack("lab").to_data(), "platform": platform})
    [note] = gate_notes(factory)
    assert plan(factory).warnings[-1] == note.text


def test_the_controller_of_an_embedded_plane_runs_without_the_gate() -> None:
    assert _FEATURES[GATE] is False

"""What the rules say of kube-state-metrics' published manifests and of mirrored ones, before any cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sovereign_ai.render.monitoring.rule_files import rules_yaml
from tests.life import Lab
from tests.monitoring.mirrored import (
    KUBE_STATE_METRICS,
    PROMETHEUS,
    described,
    of_mirror,
    prometheus,
    published,
    state_metrics,
    write,
)
from tests.queues.mirrored import REGISTRY
from tests.render.lab import counted_lab

pytestmark = pytest.mark.monitoring
IMAGES = {name: f"{REGISTRY}/{name}@sha256:{'a' * 64}" for name in (PROMETHEUS, KUBE_STATE_METRICS)}


def violations(lab: Lab, code: int) -> list[tuple[str, str]]:
    """Return rule and resource of each violation of the lab with both, from their files."""
    data = yaml.safe_load((lab.stack / "factory.yaml").read_text(encoding="utf-8"))
    write(
        lab.stack / f"{PROMETHEUS}.yaml", prometheus(IMAGES[PROMETHEUS], rules_yaml(*counted_lab(), "fra1"))
    )
    text = yaml.safe_dump(described(data, lab.stack, *IMAGES), sort_keys=False)
    (lab.stack / "factory.yaml").write_text(text, encoding="utf-8")
    (cluster,) = lab.call("check", str(lab.stack), code=code)["clusters"]
    found = [each for each in cluster["findings"] if each["status"] == "violation"]
    return [(each["rule"], each["resource"]) for each in found]


def test_the_published_role_is_refused_since_it_reads_every_secret_and_nothing_else_is(
    tmp_path: Path,
) -> None:
    lab = Lab(tmp_path)
    objects = published(tmp_path)
    for obj in objects:
        if obj["kind"] == "Deployment":
            of_mirror(obj, IMAGES[KUBE_STATE_METRICS])
    write(lab.stack / f"{KUBE_STATE_METRICS}.yaml", objects)
    assert violations(lab, 1) == [("PLT-004", f"ClusterRoleBinding/{KUBE_STATE_METRICS}")]


def test_without_that_right_nothing_of_both_is_refused(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    objects = state_metrics(IMAGES[KUBE_STATE_METRICS], tmp_path)
    write(lab.stack / f"{KUBE_STATE_METRICS}.yaml", objects)
    assert violations(lab, 0) == []

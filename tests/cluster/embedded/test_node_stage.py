from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.cluster.embedded.node_stage import node_stage
from sovereign_ai.cluster.embedded.settings import make_settings
from sovereign_ai.cluster.kind import kwok
from sovereign_ai.cluster.state import ClusterDir


def of_machines(text: str) -> list[dict[str, Any]]:
    """Return the stages of machines in a file of KWOK's configuration."""
    stages = [stage for stage in yaml.safe_load_all(text) if stage]
    return [stage for stage in stages if stage["spec"]["resourceRef"]["kind"] == "Node"]


def test_a_machine_reports_once_that_it_is_ready_so_that_a_silent_one_stays_silent() -> None:
    (stage,) = of_machines(node_stage())
    spec = stage["spec"]
    (condition,) = spec["selector"]["matchExpressions"]
    assert (condition["operator"], condition["values"]) == ("NotIn", ["True"])
    # A delayed stage is played also on a machine that has fallen silent meanwhile.
    assert "delay" not in spec
    assert "immediateNextStage" not in spec


def test_neither_plane_leaves_machines_to_kwoks_own_stages(tmp_path: Path) -> None:
    cluster_dir = ClusterDir("lab", tmp_path / "lab")
    cluster_dir.make()
    make_settings(cluster_dir)
    written = (cluster_dir.config / "kwok-stages.yaml").read_text()
    assert of_machines(written) == of_machines(node_stage())
    objects = {obj["kind"]: obj for obj in kwok.objects()}
    (file,) = objects["ConfigMap"]["data"]
    assert of_machines(objects["ConfigMap"]["data"][file]) == of_machines(node_stage())
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    mounted = {volume["name"]: volume.get("configMap", {}).get("name") for volume in pod["volumes"]}
    (container,) = pod["containers"]
    folders = [each["mountPath"] for each in container["volumeMounts"] if mounted[each["name"]] == kwok.NAME]
    assert [f"--config={folder}/{file}" for folder in folders] == container["args"][:1]

"""The runtime of TrainJobs on an embedded control plane, created once Kubeflow Trainer judges runtimes.

python -m sovereign_ai.cluster.embedded.training_runtime FOLDER

A TrainJob has no pods of its own: it names a runtime that has them, and `jobs run` names the one that Trainer
publishes for PyTorch. Its published form takes its image from Docker Hub and runs as root. This one has the
same name and the same shape, no image (each TrainJob brings its own), pods as narrow as a factory's admission
asks for, and prefers one scalable unit as the pods of other jobs do.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.api.client import open_cluster
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import SovereignError
from sovereign_ai.names import KEYS

RUNTIME_KIND = ("trainer.kubeflow.org/v1alpha1", "ClusterTrainingRuntime")
RUNTIME = "torch-distributed"
_SILENT_SECONDS = 60
"""As for other jobs (assess/fit/workload_manifests.py): all stand still as soon as one machine does."""


def training_runtime() -> dict[str, Any]:
    """Return the runtime: a Job of a pod on each machine, in which torchrun is told of its peers."""
    container = {
        "name": "node",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    tolerations = []
    for condition in ("not-ready", "unreachable"):
        toleration: dict[str, Any] = {"key": f"node.kubernetes.io/{condition}", "operator": "Exists"}
        toleration |= {"effect": "NoExecute", "tolerationSeconds": _SILENT_SECONDS}
        tolerations.append(toleration)
    pod = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "tolerations": tolerations,
        "containers": [container],
    }
    topology = {"kueue.x-k8s.io/podset-preferred-topology": KEYS.scalable_unit}
    job = {"backoffLimit": 0, "template": {"metadata": {"annotations": topology}, "spec": pod}}
    # By this label Trainer finds the pods that do the training.
    step = {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}}
    replicated = {"name": "node", "template": {"metadata": step, "spec": job}}
    labels = {KEYS.component: "control-plane", "trainer.kubeflow.org/framework": "torch"}
    spec: dict[str, Any] = {"mlPolicy": {"numNodes": 1, "torch": {}}}
    spec["template"] = {"spec": {"replicatedJobs": [replicated]}}
    api_version, kind = RUNTIME_KIND
    metadata = {"name": RUNTIME, "labels": labels}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def main(folder: Path) -> int:
    """Apply the runtime in the cluster of a folder; write errors to standard error."""
    api = open_cluster(ClusterDir(folder.name, folder).kubeconfig)
    try:
        api.apply(training_runtime(), force=True)
    except SovereignError as error:
        sys.stderr.writelines(f"{problem.message}\n" for problem in error.problems)
        return 1
    finally:
        api.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

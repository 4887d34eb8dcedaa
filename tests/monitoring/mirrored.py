"""Prometheus and kube-state-metrics as containers: images of the pinned programs, kube-state-metrics by its
publisher's own kustomization, and Prometheus, of which no publisher ships one, by objects that stand here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.names import KEYS
from sovereign_ai.toolchain import source
from sovereign_ai.toolchain.install import find
from sovereign_ai.toolchain.table import TOOLS
from tests.queues.mirrored import CONTROL, NOBODY, Object, kustomized

NAMESPACE = "monitoring"
PROMETHEUS, KUBE_STATE_METRICS = "prometheus", "kube-state-metrics"
PROMETHEUS_PORT = 9090
PUBLISHED = "examples/standard"
"""The folder of kube-state-metrics' module whose kustomization is its installation."""
UNREAD = ("configmaps", "secrets")
"""What its published role may read besides, and no rule of the plan asks for."""
COUNTED = ("jobs", "namespaces", "nodes", "pods", "resourcequotas")


def published(folder: Path) -> list[Object]:
    """Return the objects of kube-state-metrics as they are published, in their namespace here.

    Args:
        folder: an empty folder.
    """
    row = TOOLS[KUBE_STATE_METRICS]
    assert row.source is not None
    log = folder / "fetch" / "build.log"
    log.parent.mkdir()
    module = source.fetch(find("go"), row.source, what=row.name, progress=lambda _line: None, log=log)
    made = folder / "kustomization"
    made.mkdir()
    return kustomized([(module.folder / PUBLISHED).resolve()], NAMESPACE, made)


def state_metrics(image: str, folder: Path) -> Iterator[Object]:
    """Yield the objects of kube-state-metrics, mirrored: without the right to read secrets and config maps.

    Args:
        image: its image in the mirror.
        folder: an empty folder.
    """
    for obj in published(folder):
        if obj["kind"] == "ClusterRole":
            for rule in obj["rules"]:
                rule["resources"] = [each for each in rule["resources"] if each not in UNREAD]
        if obj["kind"] == "Deployment":
            pod = obj["spec"]["template"]["spec"]
            pod["tolerations"] = [CONTROL]
            of_mirror(obj, image)
            labels = f"nodes=[{KEYS.pool},{KEYS.zone}]"
            counted = [f"--resources={','.join(COUNTED)}", f"--metric-labels-allowlist={labels}"]
            pod["containers"][0]["args"] = counted
        yield obj


def of_mirror(deployment: Object, image: str) -> None:
    """Let the pod of a published Deployment take its image from the mirror."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container |= {"image": image, "imagePullPolicy": "IfNotPresent"}


def prometheus(image: str, rules: str) -> Iterator[Object]:
    """Yield the objects of Prometheus, which scrapes kube-state-metrics and has no rights in the cluster.

    Args:
        image: its image in the mirror.
        rules: the rules that it judges, as `fabric render` writes them for the site.
    """
    metadata = {"name": PROMETHEUS, "namespace": NAMESPACE}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    files = {"prometheus.yaml": yaml.safe_dump(settings(), sort_keys=False), "rules.yaml": rules}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files}
    labels = {"app.kubernetes.io/name": PROMETHEUS}
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "selector": {"matchLabels": labels},
            # Two of them would write into one store.
            "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": labels}, "spec": _pod(image)},
        },
    }
    ports = [{"name": "web", "port": PROMETHEUS_PORT, "targetPort": "web"}]
    spec = {"selector": labels, "ports": ports}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def settings() -> Object:
    """Return Prometheus' settings: itself, and both listeners of kube-state-metrics' Service.

    The pinned build cannot ask Kubernetes for targets, and needs no right to.
    """
    of_counter = f"{KUBE_STATE_METRICS}.{NAMESPACE}.svc"
    return {
        "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            _job(KUBE_STATE_METRICS, f"{of_counter}:8080", honor_labels=True),
            _job(f"{KUBE_STATE_METRICS}-telemetry", f"{of_counter}:8081"),
            _job(PROMETHEUS, f"localhost:{PROMETHEUS_PORT}"),
        ],
    }


def write(file: Path, objects: Iterable[Object]) -> None:
    """Write objects as a file of manifests."""
    texts = [yaml.safe_dump(json.loads(json.dumps(obj))) for obj in objects]
    file.write_text("---\n".join(texts), encoding="utf-8")


def _job(name: str, target: str, **more: Any) -> Object:
    return {"job_name": name, "static_configs": [{"targets": [target]}], **more}


def _pod(image: str) -> Object:
    """Return Prometheus' pod: it writes into a folder that goes with it, and nowhere else."""
    rights = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
    container = {
        "name": PROMETHEUS,
        "image": image,
        "args": [
            "--config.file=/etc/prometheus/prometheus.yaml",
            # The kubelet brings changed rules into the pod, and Prometheus reads them by itself.
            "--enable-feature=auto-reload-config",
            "--storage.tsdb.path=/samples",
            "--storage.tsdb.retention.size=500MB",
        ],
        "ports": [{"name": "web", "containerPort": PROMETHEUS_PORT}],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": "web"}},
        "livenessProbe": {"httpGet": {"path": "/-/healthy", "port": "web"}, "failureThreshold": 10},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {**rights, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [
            {"name": "settings", "mountPath": "/etc/prometheus", "readOnly": True},
            {"name": "samples", "mountPath": "/samples"},
        ],
    }
    user = {"runAsNonRoot": True, "runAsUser": NOBODY, "fsGroup": NOBODY}
    return {
        "serviceAccountName": PROMETHEUS,
        "automountServiceAccountToken": False,
        "tolerations": [CONTROL],
        "securityContext": {**user, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [
            {"name": "settings", "configMap": {"name": PROMETHEUS}},
            {"name": "samples", "emptyDir": {"sizeLimit": "1Gi"}},
        ],
    }


def described(data: Object, folder: Path, *names: str) -> Object:
    """Return a description with these controllers, which run from files beside it.

    Args:
        data: the description without them.
        folder: the folder of its files.
        names: the controllers.
    """
    if not names:
        return dict(data)
    controllers: list[Object] = []
    for name in names:
        files = [f"{name}.yaml"]
        version = f"v{TOOLS[name].version}"
        controllers.append({"name": name, "version": version, "namespace": NAMESPACE, "manifests": files})
        assert (folder / files[0]).is_file()
    return {**data, "platform": {"monitoring": list(names), "controllers": controllers}}

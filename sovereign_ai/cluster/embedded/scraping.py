"""What Prometheus scrapes beside an embedded control plane, and how it shows who it is.

Every target answers holders of a certificate alone. etcd is none of them: its authority gives a client no
right to read metrics without the right to read everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sovereign_ai.cluster.pki import LOOPBACK
from sovereign_ai.cluster.state import ClusterDir

_COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""The components that show their metrics to whoever the API server says may read them."""
MACHINE_JOBS = ("nodes", "gpus", "controllers", "jobs")
"""Jobs of a site's exporters that one process stands for here, each at its own path."""
_INTERVAL = "15s"
_DETAIL = "(apiserver|etcd|workqueue|rest_client|scheduler)_.+_bucket"
"""Histograms by verb, resource and bucket: nine tenths of an API server's series, and no rule reads them."""


def scrape_settings(
    cluster_dir: ClusterDir,
    ports: Mapping[str, int],
    *,
    rules: str,
    of_cluster: tuple[str, str],
    of_monitoring: tuple[str, str],
    own: Sequence[str],
) -> dict[str, Any]:
    """Return Prometheus' settings; JSON is YAML too.

    Args:
        cluster_dir: the control plane's folder.
        ports: the listeners' ports on 127.0.0.1.
        rules: the files with the rules, with wildcards.
        of_cluster: authority and identity towards the components.
        of_monitoring: authority and identity towards the listeners of monitoring.
        own: the listeners of monitoring that are scraped.
    """
    jobs = [_job(name, ports[name], _tls(cluster_dir, *of_cluster)) for name in _COMPONENTS]
    for job in jobs:
        job["metric_relabel_configs"] = [
            {"source_labels": ["__name__"], "regex": _DETAIL, "action": "drop"},
        ]
    jobs += _monitoring_jobs(ports, _tls(cluster_dir, *of_monitoring), own)
    return {
        "global": {
            "scrape_interval": _INTERVAL,
            "evaluation_interval": _INTERVAL,
            "external_labels": {"cluster": cluster_dir.name},
        },
        "rule_files": [rules],
        "scrape_configs": jobs,
    }


def _monitoring_jobs(
    ports: Mapping[str, int], tls: dict[str, Any], own: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield the jobs of the listeners of monitoring."""
    for name in own:
        if name != "machine-metrics":
            yield _job(name, ports[name], tls, honor_labels=name == "kube-state-metrics")
            continue
        for page in MACHINE_JOBS:
            # The samples bring the labels of the exporters that they stand for, job and all, as a
            # federated Prometheus' do.
            more = {"honor_labels": True, "metrics_path": f"/{page}"}
            yield _job(f"simulated-{page}", ports[name], tls, **more)


def _job(name: str, port: int, tls: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the job of one listener."""
    targets = [{"targets": [f"{LOOPBACK}:{port}"]}]
    return {"job_name": name, "scheme": "https", "tls_config": tls, "static_configs": targets, **more}


def _tls(cluster_dir: ClusterDir, authority: str, identity: str) -> dict[str, Any]:
    """Return how a listener is checked, and what it is shown."""
    return {
        "ca_file": str(cluster_dir.pki / f"{authority}.crt"),
        "cert_file": str(cluster_dir.pki / f"{identity}.crt"),
        "key_file": str(cluster_dir.pki / f"{identity}.key"),
        "min_version": "TLS13",
    }

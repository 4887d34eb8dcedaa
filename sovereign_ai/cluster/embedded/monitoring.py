"""Prometheus and kube-state-metrics as processes of an embedded control plane, and what they may read.

A third process stands for the exporters of the simulated machines (`sovereign_ai.sim.exporter`). Each listens
on loopback and answers holders of a certificate of the monitoring's own authority alone: a certificate for
the API server, such as that of break-glass access, opens none of them. Prometheus may read the components'
metrics and nothing else of the API, kube-state-metrics lists what it counts, without Secrets and ConfigMaps.

They are part of a control plane whose folder has `config/monitoring.json`, which only a description's
`platform.monitoring` puts there. Prometheus reads changed settings and rules by itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from sovereign_ai.cluster import identities as who
from sovereign_ai.cluster.embedded.scraping import scrape_settings
from sovereign_ai.cluster.pki import LOOPBACK, Leaf, authority, issue
from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.files import CLUSTER, content_if_whole
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS

PROMETHEUS, KUBE_STATE_METRICS = "prometheus", "kube-state-metrics"
MONITORS = (PROMETHEUS, KUBE_STATE_METRICS)
"""The controllers of `platform.monitoring` that run here: process, program and listener of one name."""
OWN_METRICS = f"{KUBE_STATE_METRICS}-telemetry"
"""The second listener of kube-state-metrics, which shows its own metrics."""
MACHINE_METRICS = "machine-metrics"
"""The process that stands for the exporters of the simulated machines, its listener and its identity."""
MONITORING_CA = "monitoring-ca"
"""The authority of all listeners of monitoring and of their clients."""
READER = "monitoring-reader"
"""The certificate by which the user of this control plane asks Prometheus."""
PROBER = "monitoring-supervisor"
PROMETHEUS_USER = "sovereign-ai:prometheus"
STATE_USER = "sovereign-ai:kube-state-metrics"
MACHINES_USER = "sovereign-ai:machine-metrics"
_SCRAPER = "monitoring-scraper"
_OF_MONITORING = (
    Leaf(f"{PROMETHEUS}-server", PROMETHEUS, server=True),
    Leaf(f"{KUBE_STATE_METRICS}-server", KUBE_STATE_METRICS, server=True),
    Leaf(f"{MACHINE_METRICS}-server", MACHINE_METRICS, server=True),
    Leaf(PROBER, "sovereign-ai:supervisor", client=True),
    Leaf(_SCRAPER, PROMETHEUS_USER, client=True),
    Leaf(READER, who.ADMIN_USER, client=True),
)
_OF_CLUSTER = (
    Leaf(PROMETHEUS, PROMETHEUS_USER, client=True),
    Leaf(KUBE_STATE_METRICS, STATE_USER, client=True),
    Leaf(MACHINE_METRICS, MACHINES_USER, client=True),
)
_LIST, _WATCH = ("list",), ("list", "watch")
_COUNTED = (
    (
        "",
        "limitranges namespaces nodes persistentvolumeclaims persistentvolumes pods resourcequotas services",
    ),
    ("apps", "daemonsets deployments replicasets statefulsets"),
    ("batch", "cronjobs jobs"),
    ("policy", "poddisruptionbudgets"),
    ("storage.k8s.io", "storageclasses volumeattachments"),
)
"""What kube-state-metrics counts: API group and resources.

Its published role (v2.18.0, examples/standard/cluster-role.yaml) without Secrets, ConfigMaps, certificates,
webhooks and rights, and without reviews of tokens, since a certificate is what its listeners ask for.
"""
_MACHINES = (("", "nodes pods"), ("resource.k8s.io", "devicetaintrules resourceclaims"))
"""What the metrics of simulated machines follow: who holds their devices, and which of these are broken."""
_RETENTION_DAYS, _RETENTION = 15, "2GB"
_NODE_LABELS = (KEYS.pool, KEYS.zone, KEYS.jurisdiction)


@frozen_dataclass
class Monitoring:
    """What watches a control plane, as a description says.

    Attributes:
        programs: which of `MONITORS` run, in that order.
        description: the description in canonical JSON, from which the machines' metrics follow.
        rules: name of a file to the rules that Prometheus judges.
    """

    programs: tuple[str, ...] = ()
    description: bytes = b""
    rules: Mapping[str, str] = field(default_factory=dict)


@frozen_dataclass
class MonitoringChange:
    """What watches a control plane changes with the next `up`.

    Attributes:
        starts: the programs that start.
        stops: the programs that stop.
    """

    starts: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()

    @property
    def is_restart(self) -> bool:
        """Whether the control plane is started anew for it."""
        return bool(self.starts or self.stops)

    def __str__(self) -> str:
        """Return one line for a person."""
        parts = [f"starts {' and '.join(self.starts)}"] if self.starts else []
        if self.stops:
            parts.append(f"stops {' and '.join(self.stops)}")
        if not parts:
            return "monitoring: rules and machines as now described"
        return f"monitoring: {', '.join(parts)}; the control plane is started anew"

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {"starts": list(self.starts), "stops": list(self.stops)}


def monitors(cluster_dir: ClusterDir) -> tuple[str, ...]:
    """Return which of `MONITORS` are part of a control plane."""
    named = (read_json(_record(cluster_dir)) or {}).get("programs")
    return tuple(name for name in MONITORS if isinstance(named, list) and name in named)


def monitoring_change(cluster_dir: ClusterDir, wanted: Monitoring) -> MonitoringChange | None:
    """Return what has to change so that a control plane is watched as described; None for nothing."""
    had = monitors(cluster_dir)
    starts = tuple(name for name in wanted.programs if name not in had)
    stops = tuple(name for name in had if name not in wanted.programs)
    if starts or stops:
        return MonitoringChange(starts, stops)
    if wanted.programs and _written(cluster_dir) != _files(wanted):
        return MonitoringChange()
    return None


def set_monitoring(cluster_dir: ClusterDir, wanted: Monitoring) -> None:
    """Make what a description names part of a control plane, from its next start on, and the rest no more.

    Rules and description take effect at once.

    Args:
        cluster_dir: the control plane's folder, which exists.
        wanted: what watches it.
    """
    if not wanted.programs:
        _record(cluster_dir).unlink(missing_ok=True)
        shutil.rmtree(monitoring_folder(cluster_dir), ignore_errors=True)
        return
    rules = _rules_folder(cluster_dir)
    for folder in (monitoring_folder(cluster_dir), rules):
        folder.mkdir(mode=0o700, exist_ok=True)
    files = _files(wanted)
    for name, content in files.items():
        path = monitoring_folder(cluster_dir) / name
        # Unchanged files keep their time, by which their readers see a change.
        if content_if_whole(path, CLUSTER) != content:
            write_private(path, content)
    for path in rules.iterdir():
        if f"rules/{path.name}" not in files:
            path.unlink()
    write_json(_record(cluster_dir), {"programs": list(wanted.programs)})


def make_monitoring(cluster_dir: ClusterDir, ports: Mapping[str, int]) -> None:
    """Write identities and settings of what watches a control plane; nothing where nothing does.

    Args:
        cluster_dir: the control plane's folder; its identities exist.
        ports: the listeners' ports on 127.0.0.1.
    """
    programs = monitors(cluster_dir)
    if not programs:
        return
    for name, leaves in ((who.CLUSTER_CA, _OF_CLUSTER), (MONITORING_CA, _OF_MONITORING)):
        ca = authority(cluster_dir.pki, name)
        for leaf in leaves:
            issue(ca, cluster_dir.pki, leaf)
    server = who.server_url(ports["kube-apiserver"])
    for name in (KUBE_STATE_METRICS, MACHINE_METRICS):
        write_private(cluster_dir.identity(name), who.kubeconfig(cluster_dir, name, server))
    folder = monitoring_folder(cluster_dir)
    for name in MONITORS:
        write_json(folder / f"{name}-web.json", _web_settings(cluster_dir, name))
    if PROMETHEUS not in programs:
        return
    (cluster_dir.folder / PROMETHEUS).mkdir(mode=0o700, exist_ok=True)
    settings = scrape_settings(
        cluster_dir,
        ports,
        rules=f"{_rules_folder(cluster_dir)}/*.yaml",
        of_cluster=(who.CLUSTER_CA, PROMETHEUS),
        of_monitoring=(MONITORING_CA, _SCRAPER),
        own=monitoring_listeners(cluster_dir),
    )
    write_json(settings_file(cluster_dir), settings)


def monitoring_roles() -> tuple[dict[str, Any], ...]:
    """Return the role of each identity of monitoring, and its binding."""
    metrics = {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}
    return (
        *_role(PROMETHEUS_USER, [metrics]),
        *_role(STATE_USER, _rules(_COUNTED, _WATCH)),
        *_role(MACHINES_USER, _rules(_MACHINES, _LIST)),
    )


def prometheus_flags(cluster_dir: ClusterDir, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Return Prometheus' arguments: nothing may be written or changed by its API."""
    return (
        f"--config.file={settings_file(cluster_dir)}",
        "--enable-feature=auto-reload-config",
        "--config.auto-reload-interval=5s",
        f"--storage.tsdb.path={cluster_dir.folder / PROMETHEUS}",
        f"--storage.tsdb.retention.time={_RETENTION_DAYS}d",
        f"--storage.tsdb.retention.size={_RETENTION}",
        f"--web.config.file={monitoring_folder(cluster_dir) / f'{PROMETHEUS}-web.json'}",
        f"--web.listen-address={LOOPBACK}:{ports[PROMETHEUS]}",
        "--log.level=warn",
    )


def state_metrics_flags(cluster_dir: ClusterDir, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Return the arguments of kube-state-metrics."""
    resources: list[str] = []
    for _, listed in _COUNTED:
        resources += listed.split()
    return (
        f"--kubeconfig={cluster_dir.identity(KUBE_STATE_METRICS)}",
        f"--tls-config={monitoring_folder(cluster_dir) / f'{KUBE_STATE_METRICS}-web.json'}",
        f"--host={LOOPBACK}",
        f"--port={ports[KUBE_STATE_METRICS]}",
        f"--telemetry-host={LOOPBACK}",
        f"--telemetry-port={ports[OWN_METRICS]}",
        f"--resources={','.join(sorted(resources))}",
        f"--metric-labels-allowlist=nodes=[{','.join(_NODE_LABELS)}],pods=[{KEYS.team}],jobs=[{KEYS.team}]",
    )


def monitoring_listeners(cluster_dir: ClusterDir) -> tuple[str, ...]:
    """Return the listeners of monitoring that need a port."""
    names: list[str] = []
    for program in monitors(cluster_dir):
        names += [PROMETHEUS, MACHINE_METRICS] if program == PROMETHEUS else [KUBE_STATE_METRICS, OWN_METRICS]
    return tuple(names)


def monitoring_folder(cluster_dir: ClusterDir) -> Path:
    """Return the folder of settings, rules and the description."""
    return cluster_dir.config / "monitoring"


def settings_file(cluster_dir: ClusterDir) -> Path:
    """Return the file with Prometheus' settings."""
    return monitoring_folder(cluster_dir) / "prometheus.json"


def description_file(cluster_dir: ClusterDir) -> Path:
    """Return the file with the description from which the machines' metrics follow."""
    return monitoring_folder(cluster_dir) / "factory.json"


def _record(cluster_dir: ClusterDir) -> Path:
    """Return the file that makes monitoring part of a control plane."""
    return cluster_dir.config / "monitoring.json"


def _rules_folder(cluster_dir: ClusterDir) -> Path:
    return monitoring_folder(cluster_dir) / "rules"


def _files(wanted: Monitoring) -> dict[str, bytes]:
    """Return name to content of the files that follow from a description."""
    files = {"factory.json": wanted.description}
    for name, text in wanted.rules.items():
        files[f"rules/{name}"] = text.encode()
    return files


def _written(cluster_dir: ClusterDir) -> dict[str, bytes]:
    """Return name to content of those files as they are."""
    folder = monitoring_folder(cluster_dir)
    paths = [description_file(cluster_dir), *_rules_folder(cluster_dir).glob("*")]
    return {
        str(path.relative_to(folder)): content_if_whole(path, CLUSTER) or b""
        for path in paths
        if path.is_file()
    }


def _web_settings(cluster_dir: ClusterDir, name: str) -> dict[str, Any]:
    """Return the settings of a listener that wants a certificate, in the form of Prometheus' exporters."""
    tls = {
        "cert_file": str(cluster_dir.pki / f"{name}-server.crt"),
        "key_file": str(cluster_dir.pki / f"{name}-server.key"),
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": str(cluster_dir.pki / f"{MONITORING_CA}.crt"),
        "min_version": "TLS13",
    }
    return {"tls_server_config": tls}


def _rules(rights: Iterable[tuple[str, str]], verbs: tuple[str, ...]) -> list[dict[str, Any]]:
    rules = []
    for group, resources in rights:
        rules.append({"apiGroups": [group], "resources": resources.split(), "verbs": list(verbs)})
    return rules


def _role(user: str, rules: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the role of an identity and its binding, both of the identity's name."""
    rbac = "rbac.authorization.k8s.io"
    metadata = {"name": user, "labels": {KEYS.component: "control-plane"}}
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}
    reference = {"apiGroup": rbac, "kind": "ClusterRole", "name": user}
    subject = {"apiGroup": rbac, "kind": "User", "name": user}
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": reference,
        "subjects": [subject],
    }
    return role, binding

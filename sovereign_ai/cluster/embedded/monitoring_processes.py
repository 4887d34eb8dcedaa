"""The processes that watch an embedded control plane, with their arguments and health probes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sovereign_ai.cluster.embedded.monitoring import (
    KUBE_STATE_METRICS,
    MACHINE_METRICS,
    MONITORING_CA,
    PROBER,
    PROMETHEUS,
    monitors,
    prometheus_flags,
    state_metrics_flags,
)
from sovereign_ai.cluster.process import Process, ProcessProbe
from sovereign_ai.cluster.state import ClusterDir

_BASE = {"PATH": "/usr/bin:/bin", "TZ": "UTC", "LANG": "C.UTF-8"}


def monitoring_processes(
    cluster_dir: ClusterDir,
    ports: Mapping[str, int],
    programs: Mapping[str, Path],
    python: Mapping[str, str],
    *,
    after: tuple[str, ...],
) -> Iterator[Process]:
    """Yield the processes of monitoring that are part of a control plane.

    Args:
        cluster_dir: the control plane's folder.
        ports: the listeners' ports on 127.0.0.1.
        programs: the program of each component.
        python: the environment of processes of this package.
        after: what has to be healthy before a process may ask the API server.
    """
    environment = _BASE | {"HOME": str(cluster_dir.folder)}
    for name in monitors(cluster_dir):
        if name == KUBE_STATE_METRICS:
            flags = state_metrics_flags(cluster_dir, ports)
            # `/readyz` asks the API server, whose end would count as one of this process.
            probe = _probe(cluster_dir, ports[name], "/healthz")
            yield Process(name, (str(programs[name]), *flags), after, probe, env=environment)
        elif name == PROMETHEUS:
            flags = prometheus_flags(cluster_dir, ports)
            # Not `/-/ready`: what reads a long log of writes after a kill would be killed for that.
            probe = _probe(cluster_dir, ports[name], "/-/healthy")
            yield Process(name, (str(programs[name]), *flags), (), probe, env=environment)
            yield _machine_metrics(cluster_dir, ports[MACHINE_METRICS], python, after)


def _machine_metrics(
    cluster_dir: ClusterDir, port: int, python: Mapping[str, str], after: tuple[str, ...]
) -> Process:
    """Return the process that stands for the exporters of the simulated machines."""
    argv = (sys.executable, "-P", "-m", "sovereign_ai.sim.exporter", str(cluster_dir.folder), str(port))
    probe = _probe(cluster_dir, port, "/healthz")
    return Process(MACHINE_METRICS, argv, after, probe, env=python)


def _probe(cluster_dir: ClusterDir, port: int, path: str) -> ProcessProbe:
    """Return the probe of a listener of monitoring, with the supervisor's identity there."""
    pki = cluster_dir.pki
    return ProcessProbe(
        port, path, str(pki / f"{MONITORING_CA}.crt"), str(pki / f"{PROBER}.crt"), str(pki / f"{PROBER}.key")
    )

"""The pages of the process that stands for the exporters of simulated machines: one of each kind of exporter.

Metrics and labels are those that Prometheus would have after scraping each machine's own exporters under the
rendered configuration: `up` of the nodes, dcgm-exporter's metrics of GPUs, ipmi_exporter's power. Beside
them, one page tells how far jobs are, which no exporter of machines knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sovereign_ai.cluster import SIMULATED_DURATION
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS
from sovereign_ai.plan import Node, Plan
from sovereign_ai.render.monitoring import node_labels
from sovereign_ai.sim.allocation import holders
from sovereign_ai.sim.factory import is_ready
from sovereign_ai.sim.metrics import Faults, exposition, sample
from sovereign_ai.sim.power import power_draw
from sovereign_ai.sim.working import Working, count_working, unwell_machines

_JOB = "batch.kubernetes.io/job-name"
_UNIT_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(h|ms|m|s|us|µs|ns)")


@frozen_dataclass
class Seen:
    """What the API server says of a cluster at one moment.

    Attributes:
        nodes: its Nodes.
        pods: its Pods.
        claims: its ResourceClaims.
        faults: the last Xid of GPUs that had one.
        at: the moment.
    """

    nodes: Sequence[dict[str, Any]]
    pods: list[dict[str, Any]]
    claims: list[dict[str, Any]]
    faults: Faults
    at: datetime


def machine_pages(plan: Plan, cluster: str, seen: Seen) -> dict[str, str]:
    """Return name to text of each page, in the Prometheus text format.

    Raises:
        KeyError: the plan has no such cluster.
    """
    held = holders(plan, cluster, seen.pods, seen.claims)
    watts = power_draw(plan, cluster, held).nodes
    machines = plan.nodes_of(cluster)
    unwell = unwell_machines(seen.nodes)
    ready = {node["metadata"]["name"] for node in seen.nodes if is_ready(node)}
    ups = [(_target("nodes", node), int(node.name in ready)) for node in machines]
    draws = [(_target("controllers", node), watts[node.name]) for node in machines if node.bmc]
    return {
        "nodes": _family("up", "Whether the machine's kubelet answers.", ups),
        "gpus": exposition(plan, cluster, held, seen.faults, lambda node: _target("gpus", node)),
        "controllers": _family("ipmi_dcmi_power_consumption_watts", "Power draw of the machine.", draws),
        "jobs": _jobs(seen, held) + _gpus(count_working(plan, cluster, seen.pods, held, unwell)),
    }


def _target(job: str, node: Node) -> dict[str, str]:
    """Return the labels that scraping a machine's own exporter would add."""
    return {"job": job, "instance": node.name, **node_labels(node)}


def _family(name: str, text: str, samples: Sequence[tuple[Mapping[str, str], float]]) -> str:
    """Return a metric with its samples; the last line ends with a line feed."""
    lines = [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
    lines += [sample(name, labels, value) for labels, value in samples]
    return "\n".join([*lines, ""])


def _jobs(seen: Seen, held: Mapping[str, Sequence[str]]) -> str:
    """Return how far jobs are, and the devices that they hold."""
    devices: dict[str, int] = {}
    for listed in held.values():
        for holder in listed:
            devices[holder] = devices.get(holder, 0) + 1
    shares: dict[tuple[str, str, str], list[float]] = {}
    counts: dict[tuple[str, str, str], int] = {}
    for pod in seen.pods:
        key = _job_of(pod)
        if key is None:
            continue
        meta = pod["metadata"]
        counts[key] = counts.get(key, 0) + devices.get(f"{meta['namespace']}/{meta['name']}", 0)
        shares.setdefault(key, []).extend(_progress(pod, seen.at))
    progress = [(_job_labels(key), min(listed)) for key, listed in sorted(shares.items()) if listed]
    holding = [(_job_labels(key), count) for key, count in sorted(counts.items())]
    ran = "Share of the stated duration that the slowest pod has run."
    families = (
        _family("sovereign_ai_job_progress_ratio", ran, progress),
        _family("sovereign_ai_job_devices", "Devices that the job's running pods hold.", holding),
    )
    return "".join(families)


def _gpus(working: Working) -> str:
    """Return how many GPUs work, are held and stand still, or are free."""
    free = working.gpus - working.working - working.stalled
    counts = {"working": working.working, "stalled": working.stalled, "free": free}
    samples = [({"state": state}, count) for state, count in counts.items()]
    return _family("sovereign_ai_gpus", "GPUs by what becomes of their time.", samples)


def _job_of(pod: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return namespace, name and team of a pod's job; None for a pod of no job, or one that has ended."""
    labels = pod["metadata"].get("labels") or {}
    if _JOB not in labels or (pod.get("status") or {}).get("phase") not in {"Pending", "Running"}:
        return None
    return pod["metadata"]["namespace"], labels[_JOB], labels.get(KEYS.team, "")


def _job_labels(key: tuple[str, str, str]) -> dict[str, str]:
    namespace, name, team = key
    return {"namespace": namespace, "job_name": name, "team": team}


def _progress(pod: Mapping[str, Any], now: datetime) -> Iterator[float]:
    """Yield the share of its stated duration that a pod has run; nothing where it states none."""
    stated = (pod["metadata"].get("annotations") or {}).get(SIMULATED_DURATION, "")
    started = (pod.get("status") or {}).get("startTime")
    seconds = _seconds(stated)
    if seconds and started:
        ran = (now - datetime.fromisoformat(started)).total_seconds()
        yield round(min(1.0, max(0.0, ran / seconds)), 4)
    elif seconds:
        yield 0.0


def _seconds(text: str) -> float:
    """Return the seconds of a duration as Go writes it, `1h30m`; 0 for a text that is none.

    >>> _seconds("1h30m"), _seconds("soon")
    (5400.0, 0.0)
    """
    parts = _PART.findall(text)
    if "".join([number + unit for number, unit in parts]) != text:
        return 0.0
    return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)

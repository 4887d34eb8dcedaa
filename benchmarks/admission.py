"""What our admission policies add to the creation of a pod, with and without them in one run.

On one control plane, in one namespace of the lab, pods are created one after another by one client, in
phases that take turns: with the bindings of every rendered policy, and without any. Quotas, limits and Pod
Security stand in both. A phase begins when a pod that must be refused is refused, or no longer is. The pods
are stored, and removed between phases. A first pair of phases warms up and is not counted.

Goal: at most 3 ms more at the 99th percentile. Each phase with policies is compared with the one without
that follows it, and the median of those differences counts, so that one slow moment of the machine cannot
decide. It means something on a machine that is otherwise idle. The API server's CPU time a pod is given
besides, which other work hardly moves.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.files import kernel_text
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.spec.reader import load

ROOT = Path(__file__).resolve().parent.parent
PAIRS, PODS, WARM, GOAL = 15, 200, 30, 3.0
NAMESPACE = "research"
Object = dict[str, Any]


def pod(name: str, **more: Any) -> Object:
    """Give a pod of usual size that obeys every rule, with the zone's selector left to be filled in."""
    box = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "main",
        "image": f"registry.example.com/ai/train@sha256:{'a' * 64}",
        "env": [{"name": f"VARIABLE_{number}", "value": "x"} for number in range(10)],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
        "securityContext": box,
        "volumeMounts": [{"name": "work", "mountPath": "/work"}],
    }
    spec = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container, {**container, "name": "side"}],
        "volumes": [{"name": "work", "emptyDir": {}}],
        "schedulingGates": [{"name": "example.com/never"}],
        **more,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": "bench"}},
        "spec": spec,
    }


def is_on(api: Api) -> bool | None:
    """Tell whether all our policies act on a pod that a rule forbids, and nothing else does.

    None while only some do.
    """
    try:
        api.create(pod("bad", nodeName="nowhere", schedulingGates=[]), dry_run=True)
    except ApiError as error:
        return True if "PLC-002" in str(error) else None
    return False


def switch(api: Api, bindings: list[Object], *, on: bool) -> None:
    """Put our bindings in place or away, and wait until it shows."""
    for one in bindings:
        if on:
            api.apply(one, force=True)
        else:
            api.delete(one["apiVersion"], one["kind"], one["metadata"]["name"])
    deadline, calm = time.monotonic() + 30, 0
    while calm < 20:
        calm = calm + 1 if is_on(api) is on else 0
        if time.monotonic() > deadline:
            message = "the policies did not follow their bindings"
            raise RuntimeError(message)


def cpu_ms(pid: int) -> float:
    """Give the CPU time that a process has used."""
    fields = kernel_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def phase(api: Api, number: int, pid: int) -> tuple[list[float], float]:
    """Create pods one after another, and give the milliseconds of each and the API server's CPU time for all.

    Remove them.
    """
    times, used = [], 0.0
    for at in range(WARM + PODS):
        if at == WARM:
            used = cpu_ms(pid)
        obj = pod(f"p{number}-{at}")
        begun = time.perf_counter()
        api.create(obj)
        times.append((time.perf_counter() - begun) * 1000)
    used = cpu_ms(pid) - used
    names = [one["metadata"]["name"] for one in api.list("v1", "Pod", NAMESPACE)]
    api.many(partial(_remove, api, name) for name in names)
    return times[WARM:], used


def _remove(api: Api, name: str) -> None:
    """Remove a pod at once; no kubelet would ever confirm it."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
    api.request("DELETE", path, {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0})


def summary(times: list[float]) -> dict[str, float]:
    """Give percentiles in milliseconds."""
    cuts = statistics.quantiles(times, n=100)
    return {"p50": round(cuts[49], 2), "p90": round(cuts[89], 2), "p99": round(cuts[98], 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    factory = load(ROOT / "stacks" / "lab")
    bundle = render(factory, plan(factory), "lab")
    bindings = [obj for obj in bundle.objects if obj["kind"].endswith("AdmissionPolicyBinding")]
    seen: dict[bool, list[list[float]]] = {True: [], False: []}
    cpu = {True: 0.0, False: 0.0}
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as state:
        cluster = up("bench", root=Path(state))
        api = open_cluster(cluster.kubeconfig)
        try:
            for obj in bundle.objects:
                if (
                    obj["apiVersion"].rpartition("/")[0] not in bundle.custom_groups
                    and obj["kind"] != "ResourceQuota"
                ):
                    api.apply(obj, force=True)
            for number in range(2 * (PAIRS + 1)):
                on = number % 2 == 0
                switch(api, bindings, on=on)
                times, used = phase(api, number, cluster.pids["kube-apiserver"])
                if number >= 2:  # the first pair warms up
                    seen[on].append(times)
                    cpu[on] += used
        finally:
            api.close()
            down("bench", root=Path(state))
    phases = {on: [summary(times) for times in seen[on]] for on in seen}
    added = {
        name: [a[name] - b[name] for a, b in zip(phases[True], phases[False], strict=True)]
        for name in phases[True][0]
    }
    median = {
        on: {name: statistics.median(one[name] for one in phases[on]) for name in added} for on in phases
    }
    pods = PAIRS * PODS
    result = {
        "benchmark": "admission",
        "pods": pods,
        "bindings": len(bindings),
        "with_ms": median[True],
        "without_ms": median[False],
        "added_ms": {name: round(statistics.median(each), 2) for name, each in added.items()},
        "added_ms_by_pair": {name: [round(one, 2) for one in each] for name, each in added.items()},
        "ratio": {name: round(median[True][name] / median[False][name], 2) for name in added},
        "apiserver_cpu_ms": {"with": round(cpu[True] / pods, 2), "without": round(cpu[False] / pods, 2)},
        "machine": {"cpus": os.cpu_count(), "load": round(load_before, 1)},
    }
    print(json.dumps(result | {"goal_ms": GOAL, "met": statistics.median(added["p99"]) <= GOAL}, indent=2))


if __name__ == "__main__":
    main()

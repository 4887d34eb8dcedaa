"""A thousand simulated GPU nodes: labels, device lists and a Running GPU pod a pool.

Beside it, the same made one after another.

Timed are, on one fresh control plane: `simulate` until every node is Ready with its ResourceSlice; then
a pod by extended resource and one by claim in each pool until all run. The control plane's own start and the
rendered objects are not in it. For comparison the same nodes and slices are made a request at a time
and waited for, as a shell loop would.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.embedded.flags import COMPONENTS
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.sim.factory import is_ready, remove, selector, simulate
from sovereign_ai.sim.nodes import node_objects
from sovereign_ai.sim.slices import slice_objects
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.images import Images
from sovereign_ai.spec.operator import Operator, Parent, Staff
from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.spec.site import Cooling, Hall, Power, Site
from sovereign_ai.spec.zone import SecurityZone, Tenant
from sovereign_ai.units import Celsius, Watts
from sovereign_ai.verify.pod_probes import attempts
from sovereign_ai.verify.pods import ProbeTarget

NODES = 1000
GOAL = 30.0


def described() -> AIFactory:
    """Two pools in two zones, together a thousand machines of eight GPUs."""
    hall = Hall(
        name="h1",
        cooling=Cooling(kind="hybrid", supply=Celsius.parse("22 degC")),
        rack_limit=Watts.parse("60 kW"),
    )
    power = Power(
        it_budget=Watts.parse("20 MW"), feeds={"A": "30 MW", "B": "30 MW", "C": "30 MW"}, rack_pdus=3
    )
    pools = (("train", "restricted", 600, "training"), ("serve", "open", NODES - 600, "inference"))
    return AIFactory(
        name="bench",
        operator=Operator(
            name="Example Compute",
            seat="DE",
            parent=Parent(seat="DE"),
            staff=Staff(location=("DE",), citizenship=("EU",)),
        ),
        sites=(Site(name="fra1", country="DE", power=power, halls=(hall,)),),
        pools=tuple(
            GpuNodePool(name=name, site="fra1", system="dgx-h100", nodes=nodes, purpose=purpose, zone=zone)
            for name, zone, nodes, purpose in pools
        ),
        zones=(
            SecurityZone(name="restricted", trust="high", tenants=("research",)),
            SecurityZone(name="open", trust="low", tenants=("startups",)),
        ),
        tenants=(Tenant(name="research", seat="DE"), Tenant(name="startups", seat="DE")),
        images=Images(registries=("registry.example.com/ai",)),
    )


def one_after_another(api: Api, factory: AIFactory, derived: Plan) -> float:
    """Make every node and slice with a request at a time, then wait."""
    begun = time.perf_counter()
    for obj in (*node_objects(factory, derived, factory.name), *slice_objects(derived, factory.name)):
        api.create(obj)
    while (
        sum(is_ready(node) for node in api.list("v1", "Node", label_selector=selector(factory.name))) < NODES
    ):
        time.sleep(0.5)
    return time.perf_counter() - begun


def run_pods(api: Api, factory: AIFactory, derived: Plan, bundle: Bundle) -> float:
    """Run a pod by resource and one by claim in each pool."""
    here = derived.cluster(factory.name)
    places = [
        ProbeTarget(next(space for space in here.namespaces if space.zone == part.zone), part)
        for part in here.pools
    ]
    classes = frozenset(
        str(obj["metadata"]["name"]) for obj in bundle.objects if obj["kind"] == "DeviceClass"
    )
    begun = time.perf_counter()
    wanted = [one for one in attempts(api, factory, derived, places, classes, GOAL) if one.expected == "runs"]
    for one, (status, detail) in zip(wanted, api.many([attempt.run for attempt in wanted]), strict=True):
        if status != "passed":
            sys.exit(f"{one.name}: {detail}")
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    factory = described()
    derived = plan(factory)
    bundle = render(factory, derived, factory.name)
    folder = os.environ.get("SOVEREIGN_AI_TEST_COMPONENTS")
    programs = {name: Path(folder) / name for name in COMPONENTS} if folder else None
    with tempfile.TemporaryDirectory() as state:
        api = open_cluster(up("bench", root=Path(state), components=programs).kubeconfig)
        try:
            for obj in bundle.objects:
                if obj["apiVersion"].rpartition("/")[0] not in bundle.custom_groups:
                    api.apply(obj, force=True)
            begun = time.perf_counter()
            done = simulate(api, factory, derived, factory.name)
            simulated = time.perf_counter() - begun
            pods = run_pods(api, factory, derived, bundle)
            remove(api, factory)
            sequential = one_after_another(api, factory, derived)
        finally:
            api.close()
            down("bench", root=Path(state))
    total = simulated + pods
    result = {
        "benchmark": "simulated_nodes",
        "nodes": done.nodes,
        "slices": done.slices,
        "simulate_seconds": round(simulated, 2),
        "pods_seconds": round(pods, 2),
        "total_seconds": round(total, 2),
        "one_after_another_seconds": round(sequential, 2),
        "one_after_another_over_simulate": round(sequential / simulated, 2),
        "machine": {
            "cpus": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
        },
    }
    print(json.dumps(result | {"goal": GOAL, "met": total <= GOAL}, indent=2))


if __name__ == "__main__":
    main()

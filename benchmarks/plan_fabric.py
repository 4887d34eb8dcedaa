"""The gigafactory's fabrics: laying and checking every cable, against the same cables in networkx.

Three things are timed in turn, so that a busy machine slows them alike:

* `generate`: `plan_fabrics`, from the description and the machines' names to every cable, counts and
  bisection;
* `check`: the independent checker of tests/plan on the plan's JSON;
* `networkx`: a MultiGraph a plane from ready cable rows, with both ports on each edge, as a user would build
  it; and `networkx_check`: ports used once, degrees and connectivity on those graphs, which is less than ours
  does.

Handing networkx the rows ready-made spares it the work of deriving them, which favours it.
`generate_over_networkx` compares ours without the checker with the building alone; `both_checked` compares
both with their checks.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import networkx as nx
import orjson

from sovereign_ai.plan.fabric.planes import FabricPlan, plan_fabrics
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.reader import load

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "plan"))
import checker  # type: ignore[import-not-found]  # noqa: E402 - it stands beside the tests and is no part of the package

RUNS = 5
GOAL = 5.0


def build(planes: Sequence[FabricPlan]) -> list[Any]:
    """Build each plane in networkx, cable by cable."""
    graphs = []
    for plane in planes:
        graph = nx.MultiGraph()
        for device in plane.switches:
            graph.add_node(device.name, tier=device.tier, rail=device.rail)
        for below, below_port, above, above_port in plane.cables.rows:
            graph.add_edge(below, above, a_port=below_port, b_port=above_port)
        graphs.append(graph)
    return graphs


def check(planes: Sequence[FabricPlan], graphs: Sequence[Any]) -> None:
    """Check in networkx that ports are used once, degrees fit and the plane holds together."""
    for plane, graph in zip(planes, graphs, strict=True):
        used: Counter[tuple[str, str]] = Counter()
        height = {device.name: checker.TIERS[device.tier] for device in plane.switches}
        for one, other, ports in graph.edges(data=True):
            below, above = (one, other) if height.get(one, 0) < height.get(other, 0) else (other, one)
            used[below, ports["a_port"]] += 1
            used[above, ports["b_port"]] += 1
        fits = all(graph.degree(device.name) <= plane.radix for device in plane.switches)
        if max(used.values()) > 1 or not fits or not nx.is_connected(graph):
            sys.exit(f"{plane.name}: networkx found a fault")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Give seconds and result, with the rubbish of earlier work out of the way."""
    gc.collect()
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def main() -> None:
    """Measure, compare and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    factory = load(ROOT / "stacks" / "gigafactory" / "factory.yaml")
    whole = plan(factory)
    servers: dict[str, list[str]] = {}
    for tier in whole.storage:
        servers.setdefault(tier.site, []).extend(tier.servers)
    seconds: dict[str, list[float]] = {"generate": [], "check": [], "networkx": [], "networkx_check": []}
    for _ in range(RUNS):
        took, planes = timed(lambda: plan_fabrics(factory, whole.nodes, servers))
        seconds["generate"].append(took)
        data = json.loads(orjson.dumps({"nodes": whole.nodes, "fabrics": planes}, default=attrgetter("rows")))
        took, found = timed(lambda data=data: checker.findings(data))  # type: ignore[misc]  # bound at once
        seconds["check"].append(took)
        if found:
            sys.exit("\n".join(found))
        del data
        took, graphs = timed(lambda planes=planes: build(planes))  # type: ignore[misc]  # bound at once
        seconds["networkx"].append(took)
        took, _ = timed(lambda planes=planes, graphs=graphs: check(planes, graphs))  # type: ignore[misc]  # bound at once
        seconds["networkx_check"].append(took)
        del graphs
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = statistics.median(
        slow / fast for slow, fast in zip(seconds["networkx"], seconds["generate"], strict=True)
    )
    both = (middle["networkx"] + middle["networkx_check"]) / (middle["generate"] + middle["check"])
    print(
        json.dumps(
            {
                "benchmark": "plan_fabric",
                "runs": RUNS,
                "planes": len(planes),
                "cables": sum(len(plane.cables) for plane in planes),
                "switches": sum(len(plane.switches) for plane in planes),
                "seconds": {name: round(value, 3) for name, value in middle.items()},
                "generate_over_networkx": round(ratio, 2),
                "goal": GOAL,
                "met": ratio >= GOAL,
                "both_checked": round(both, 2),
            },
            indent=2,
        )
    )
    text = f"{middle['generate']:.2f} s against {middle['networkx']:.2f} s in networkx: {ratio:.1f} times faster, goal {GOAL:g}"  # noqa: E501 - one literal text
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()

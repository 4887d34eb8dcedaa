"""What the policy pack adds to the preview of 500 resources, with and without it in one run.

The same program is previewed by the real engine against a real control plane, in turns: without a pack
and with ours. The resources are good cases of the rules: pods, workloads, network policies, roles, claims.

Goal: at most 3 s more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sovereign_ai.cluster.embedded.lifecycle import down, up  # noqa: E402 - the tests' cases are found from the root
from sovereign_ai.deploy.engine.runs import Engine  # noqa: E402
from sovereign_ai.plan.factory import plan  # noqa: E402
from sovereign_ai.rules.context import factory_context  # noqa: E402
from sovereign_ai.rules.engine import evaluate  # noqa: E402
from sovereign_ai.spec.reader import load  # noqa: E402
from tests.rules.cases import cases  # noqa: E402

COUNT, RUNS, GOAL = 500, 3, 3.0
SERVED = ("apps/v1", "batch/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1", "v1")
PROGRAM = """
import json
from pathlib import Path
from pulumi_kubernetes.yaml.v2 import ConfigGroup

ConfigGroup("all", objs=json.loads(Path("objects.json").read_text()))
"""


def objects() -> list[dict[str, Any]]:
    """Give good cases of many kinds, over and over, each under a name of its own.

    Those whose name decides are left out.
    """
    factory = load(ROOT / "stacks" / "lab")
    context = factory_context(factory, plan(factory), "lab")
    kinds = {"Namespace", "Binding", "PersistentVolume"}
    served = [
        case.obj
        for case in cases()
        if case.decision == "allow" and case.obj["apiVersion"] in SERVED and case.obj["kind"] not in kinds
    ]
    named = [{**obj, "metadata": {**obj["metadata"], "name": "bench"}} for obj in served]
    good = [obj for obj in named if not evaluate([obj], context)]
    return [
        {**good[at % len(good)], "metadata": {**good[at % len(good)]["metadata"], "name": f"bench-{at}"}}
        for at in range(COUNT)
    ]


def preview(engine: Engine, pack: Path | None) -> float:
    """Preview once, and give the seconds."""
    begun = time.perf_counter()
    engine.preview(policy_pack=pack)
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    load_before = os.getloadavg()[0]
    plain, packed = [], []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        stack = Path(folder) / "bench"
        stack.mkdir()
        (stack / "Pulumi.yaml").write_text("name: bench\nruntime: python\n", encoding="utf-8")
        (stack / "__main__.py").write_text(PROGRAM, encoding="utf-8")
        (stack / "objects.json").write_text(json.dumps(objects()), encoding="utf-8")
        shutil.copy(ROOT / "stacks" / "lab" / "factory.yaml", stack)
        cluster = up("bench")
        try:
            engine = Engine(stack, "lab", cluster.kubeconfig, lambda _line: None)
            preview(engine, None)
            for _ in range(RUNS):
                plain.append(preview(engine, None))
                packed.append(preview(engine, ROOT / "policies" / "sovereign"))
        finally:
            down("bench")
    added = statistics.median(packed) - statistics.median(plain)
    result = {
        "benchmark": "pack",
        "resources": COUNT,
        "runs": RUNS,
        "without_seconds": round(statistics.median(plain), 2),
        "with_seconds": round(statistics.median(packed), 2),
        "added_seconds": round(added, 2),
        "ratio": round(statistics.median(packed) / statistics.median(plain), 2),
        "machine": {"cpus": os.cpu_count(), "load": round(load_before, 1)},
    }
    print(json.dumps(result | {"goal": GOAL, "met": added <= GOAL}, indent=2))


if __name__ == "__main__":
    main()

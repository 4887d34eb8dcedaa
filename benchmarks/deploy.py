"""`up`, `preview` and `down` of many objects, beside `kubectl` and plain Pulumi.

All work on the same objects in the same run.

    python benchmarks/deploy.py                                 # medians of five rounds
    python benchmarks/deploy.py --quick                         # a small run that shows that everything works

The description is the lab with as many tenants as the number of objects asks for. On one control plane of its
own the commands take turns: `kubectl apply --server-side` (the toolchain's), the same once more, `kubectl
diff` and `kubectl delete`; `up`, `up` once more, `preview`, `up` after one tenant's quota changed, and
`down`. The medians of all rounds count. Each size is then deployed once more, and time and state bytes are
fitted against the number of objects: the exponent is the slope of their logarithms. Plain Pulumi registers
the same objects, but for admission policies and `default` service accounts, by its own SDK and with its own
defaults.

It means something on a machine that is otherwise idle: the ratios are what travels, and the load is in the
document.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.cluster.api.client import open_cluster
from sovereign_ai.cluster.crds import install_crds
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.cluster.guard import GUARDED
from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.spec.reader import load
from sovereign_ai.toolchain.cache import bin_dir
from sovereign_ai.toolchain.install import find, module_files

ROOT = Path(__file__).resolve().parent.parent
LAB_OBJECTS, TENANT_OBJECTS = 72, 16
GOALS = {
    "create_of_kubectl": 1.3,
    "noop": 3.0,
    "preview": 3.0,
    "one_change": 5.0,
    "destroy": 12.0,
    "exponent": 1.1,
}
OURS = ("create", "noop", "preview", "one_change", "destroy")
PROGRAM = '''"""Registers the objects of a file by Pulumi's own SDK."""

import json
from pathlib import Path

import pulumi


class Object(pulumi.CustomResource):
    """One Kubernetes object."""


spaces = {}
for obj in json.loads(Path("objects.json").read_text(encoding="utf-8")):
    version, meta = obj["apiVersion"], obj["metadata"]
    token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{obj['kind']}"
    name = "/".join(part for part in (obj["kind"], meta.get("namespace", ""), meta["name"]) if part)
    needs = [spaces[meta["namespace"]]] if meta.get("namespace") in spaces else []
    made = Object(token, name, obj, pulumi.ResourceOptions(depends_on=needs))
    if obj["kind"] == "Namespace":
        spaces[meta["name"]] = made
'''


def describe(folder: Path, objects: int) -> int:
    """Write a stack of about so many objects, and the objects as files; return how many they are."""
    shutil.copytree(ROOT / "stacks" / "lab", folder)
    data: dict[str, Any] = yaml.safe_load((folder / "factory.yaml").read_text(encoding="utf-8"))
    for number in range(max(0, (objects - LAB_OBJECTS) // TENANT_OBJECTS)):
        name = f"t{number:04d}"
        data["zones"][0 if number % 3 else 1]["tenants"].append(name)
        data["tenants"].append({"name": name, "seat": "DE", "gpus": 0})
    for tenant in data["tenants"][:2]:
        tenant["gpus"] = 2
    (folder / "factory.yaml").write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    factory = load(folder)
    bundle = render(factory, plan(factory), "lab")
    bundle.write(folder / "objects")
    plain = folder / "plain"
    plain.mkdir()
    (plain / "Pulumi.yaml").write_text("name: plain\nruntime: python\n", encoding="utf-8")
    (plain / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    # Plain Pulumi would race with policies that come into force, and waits for ten minutes until a `default`
    # service account is gone, which Kubernetes makes again at once.
    listed = [obj for obj in bundle.objects if obj["kind"] not in GUARDED and not is_default_account(obj)]
    (plain / "objects.json").write_text(json.dumps(listed), encoding="utf-8")
    return len(bundle.objects)


def is_default_account(obj: Mapping[str, Any]) -> bool:
    """Tell whether an object is the service account that Kubernetes makes in each namespace."""
    return (obj["kind"], obj["metadata"]["name"]) == ("ServiceAccount", "default")


def seconds(*command: str, codes: tuple[int, ...] = (0,), **how: Any) -> float:
    """Run a command and return how long it took."""
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    if done.returncode not in codes:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        )
    return time.perf_counter() - begun


def change(folder: Path) -> None:
    """Change one tenant's quota."""
    file = folder / "factory.yaml"
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    data["tenants"][0]["gpus"] = 3 - data["tenants"][0]["gpus"]
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")


def with_kubectl(folder: Path, kubeconfig: Path) -> dict[str, float]:
    """Create, repeat, compare and delete the objects with kubectl."""
    kubectl = (str(find("kubectl")), f"--kubeconfig={kubeconfig}")
    objects = str(folder / "objects")
    taken = {
        "kubectl_create": seconds(*kubectl, "apply", "--server-side", "-k", objects),
        "kubectl_noop": seconds(*kubectl, "apply", "--server-side", "-k", objects),
        # Exit code 1 means that there are differences.
        "kubectl_diff": seconds(*kubectl, "diff", "--server-side", "-k", objects, codes=(0, 1)),
    }
    begun = time.perf_counter()
    seconds(*kubectl, "delete", "--wait=false", "--ignore-not-found", "-k", objects)
    seconds(*kubectl, "wait", "--for=delete", "namespace", "-l", f"{KEYS.factory}=lab", "--timeout=600s")
    return taken | {"kubectl_delete": time.perf_counter() - begun}


def with_ours(folder: Path) -> tuple[dict[str, float], int]:
    """Create, repeat, preview, change and remove the objects; return the times, and the state's bytes."""
    ours, stack = (sys.executable, "-m", "sovereign_ai.cli"), str(folder)
    taken = {
        "create": seconds(*ours, "up", stack),
        "noop": seconds(*ours, "up", stack),
        "preview": seconds(*ours, "preview", stack),
    }
    state = size_of(Path(os.environ["XDG_STATE_HOME"]) / "sovereign-ai" / "pulumi")
    change(folder)
    taken["one_change"] = seconds(*ours, "up", stack)
    taken["destroy"] = seconds(*ours, "down", stack, "--keep-cluster")
    return taken, state


def with_pulumi(folder: Path, kubeconfig: Path, scratch: Path) -> tuple[dict[str, float], int]:
    """Create, repeat, preview and remove the objects with plain Pulumi and its own defaults."""
    backend, program = scratch / "plain-state", folder / "plain"
    shutil.rmtree(backend, ignore_errors=True)
    backend.mkdir()
    environ = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "PATH": f"{bin_dir()}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "benchmark",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(Path(os.environ["XDG_STATE_HOME"]) / "sovereign-ai" / "pulumi-home"),
        "PULUMI_PYTHON_CMD": sys.executable,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    (program / "Pulumi.plain.yaml").unlink(missing_ok=True)
    pulumi = (str(find("pulumi")), "--non-interactive", "--cwd", str(program))
    seconds(*pulumi, "stack", "init", "plain", env=environ)
    stack = ("--stack", "plain")
    taken = {
        "plain_create": seconds(*pulumi, "up", "--yes", "--skip-preview", *stack, env=environ),
        "plain_noop": seconds(*pulumi, "up", "--yes", "--skip-preview", *stack, env=environ),
        "plain_preview": seconds(*pulumi, "preview", *stack, env=environ),
    }
    state = size_of(backend)
    taken["plain_destroy"] = seconds(*pulumi, "destroy", "--yes", "--skip-preview", *stack, env=environ)
    return taken, state


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def exponent(values: Mapping[int, float]) -> float:
    """Return the slope of a straight line through the logarithms of sizes and values, by least squares."""
    points = [(math.log(size), math.log(value)) for size, value in values.items()]
    mean_x, mean_y = (statistics.fmean(axis) for axis in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return round(sum((x - mean_x) * (y - mean_y) for x, y in points) / spread, 2)


def load_average() -> float:
    """Return the number of processes that wanted to run in the last minute."""
    return round(os.getloadavg()[0], 1)


def rounds(folder: Path, kubeconfig: Path, runs: int) -> dict[str, Any]:
    """Let kubectl and the commands take turns, and return the medians of all rounds."""
    seen: dict[str, list[float]] = {}
    loads: list[float] = []
    state = 0
    for number in range(runs):
        loads.append(load_average())
        taken = with_kubectl(folder, kubeconfig)
        mine, state = with_ours(folder)
        for name, value in (taken | mine).items():
            seen.setdefault(name, []).append(round(value, 2))
        say(f"round {number + 1} of {runs}: {taken | mine}")
    median = {name: round(statistics.median(times), 2) for name, times in seen.items()}
    # Each round has a ratio of its own, since the load of a round touches both sides of it.
    ratios = [mine / theirs for mine, theirs in zip(seen["create"], seen["kubectl_create"], strict=True)]
    ratio = round(statistics.median(ratios), 2)
    return {"seconds": median, "all": seen, "create_of_kubectl": ratio, "state_bytes": state, "load": loads}


def scaling(scratch: Path, sizes: Sequence[int]) -> dict[str, Any]:
    """Deploy and remove several sizes once each, and fit time and state bytes against their objects."""
    times: dict[str, dict[int, float]] = {name: {} for name in OURS}
    states: dict[int, float] = {}
    loads: dict[int, float] = {}
    for size in sizes:
        folder = scratch / f"of-{size}" / "lab"
        folder.parent.mkdir()
        count = describe(folder, size)
        loads[count] = load_average()
        taken, state = with_ours(folder)
        states[count] = state
        for name in OURS:
            times[name][count] = round(taken[name], 2)
        say(f"{count} objects: {taken}, {state} bytes")
    fitted = exponents(times | {"state_bytes": states})
    return {"seconds": times, "state_bytes": states, "exponents": fitted, "load": loads}


def exponents(measured: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    """Return the exponent of each measure; none of a single size, through which any line goes."""
    return {name: exponent(values) for name, values in measured.items() if len(values) > 1}


def say(line: str) -> None:
    """Write a line for a person, beside the document."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def parsed() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--objects", type=int, default=1000, help="objects of the rounds")
    parser.add_argument("--runs", type=int, default=5, help="rounds; 0 leaves them out")
    parser.add_argument(
        "--sizes", default="500,1000,2000,4000,8000", help="sizes of the fit; empty leaves it out"
    )
    parser.add_argument("--plain", type=int, default=1000, help="objects of plain Pulumi; 0 leaves it out")
    parser.add_argument(
        "--quick", action="store_true", help="one round of 150 objects, two sizes, plain Pulumi with 150"
    )
    options = parser.parse_args()
    if options.quick:
        options.objects, options.runs, options.sizes, options.plain = 150, 1, "150,300", 150
    return options


def main() -> None:
    """Measure and print."""
    options = parsed()
    result: dict[str, Any] = {"benchmark": "deploy", "runs": options.runs, "goals": GOALS}
    met: dict[str, bool] = {}
    with tempfile.TemporaryDirectory(prefix="sai-") as name:
        scratch = Path(name)
        os.environ["XDG_STATE_HOME"] = str(scratch / "state")
        # The commands start from bytecode, as they do where they are installed.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        cluster = up("lab")
        try:
            install_crds(
                open_cluster(cluster.kubeconfig), module_files("kueue", "config/components/crd/bases")
            )
            if options.runs:
                result["objects"] = describe(scratch / "lab", options.objects)
                found = rounds(scratch / "lab", cluster.kubeconfig, options.runs)
                result |= found
                met |= {
                    name: found["seconds"][name] <= goal
                    for name, goal in GOALS.items()
                    if name in found["seconds"]
                }
                met["create_of_kubectl"] = found["create_of_kubectl"] <= GOALS["create_of_kubectl"]
            if options.sizes:
                result["scaling"] = scaling(scratch, [int(size) for size in options.sizes.split(",")])
                if fitted := result["scaling"]["exponents"]:
                    met["exponent"] = max(fitted.values()) <= GOALS["exponent"]
            if options.plain:
                folder = scratch / "plain" / "lab"
                folder.parent.mkdir()
                count = describe(folder, options.plain)
                taken, state = with_pulumi(folder, cluster.kubeconfig, scratch)
                rounded = {name: round(value, 2) for name, value in taken.items()}
                result["plain_pulumi"] = {
                    "objects": count,
                    "seconds": rounded,
                    "state_bytes": state,
                    "load": load_average(),
                }
        finally:
            down("lab")
    print(json.dumps(result | {"met": met}, indent=2))


if __name__ == "__main__":
    main()

"""A real control plane whose operator has a clock that tests can move, with the lab's policies and two
waivers on it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sovereign_ai.cluster.api.client import open_cluster
from sovereign_ai.cluster.embedded.flags import COMPONENTS
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.spec.reader import read_text
from tests.operate.real import CLOCK, DOWN, Plane, now, waivers
from tests.support.approvals import signed_text

_MIDNIGHT_NEAR = timedelta(minutes=10)
_LAB = Path(__file__).parents[2] / "stacks" / "lab" / "factory.yaml"
_PROGRAM = f"""#!{sys.executable}
import sys, threading
from datetime import timedelta
from pathlib import Path
from sovereign_ai.operate.__main__ import run, utc_now

folder = Path(sys.argv[1])
if (folder / "{DOWN}").exists():
    sys.exit(1)

def clock():
    return utc_now() + timedelta(seconds=float((folder / "{CLOCK}").read_text()))

run(folder, int(sys.argv[2]), clock, threading.Event())
"""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """The plane; its operator is the real one, told the time by a file.

    It is not made within minutes of a midnight that no test means.
    """
    left = datetime.combine(now().date() + timedelta(days=1), datetime.min.time(), UTC) - now()
    if left < _MIDNIGHT_NEAR:
        time.sleep(left.total_seconds() + 1)
    root = tmp_path_factory.mktemp("planes")
    program = root / "operator-with-a-clock"
    program.write_text(_PROGRAM)
    program.chmod(0o700)
    where = ClusterDir("lab", root / "clusters" / "lab")
    where.make()
    (where.folder / "cluster.json").write_text("{}")
    (where.folder / CLOCK).write_text("0")
    folder = os.environ.get("SOVEREIGN_AI_TEST_COMPONENTS")
    programs = {name: Path(folder) / name for name in COMPONENTS} if folder else {}
    text = signed_text(_LAB.read_text(encoding="utf-8") + waivers(now().date() + timedelta(days=1)), "lead")
    factory = read_text(text.encode(), "factory.yaml").factory
    derived = plan(factory)
    bundle = render(factory, derived, "lab")
    try:
        cluster = up("lab", components={**programs, "operator": program}, root=root / "clusters")
        api = open_cluster(cluster.kubeconfig)
        yield Plane(where, api, factory, derived, bundle)
        api.close()
    finally:
        down("lab", root=root / "clusters")

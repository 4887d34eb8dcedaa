"""A token in SoftHSM, and a plane of two trust levels whose keys are in it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sovereign_ai.cluster.access import Api, open_cluster
from sovereign_ai.cluster.embedded import Cluster, down, up
from sovereign_ai.cluster.keys.control import begin
from sovereign_ai.cluster.keys.custody import ModulePlace
from sovereign_ai.cluster.state import Place

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
LEVELS = {"research": "high", "startups": "low"}


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModulePlace:
    """A new token, its PIN random and in a file; SoftHSM must be installed (Debian's softhsm2)."""
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir(mode=0o700)
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    pin = folder / "pin"
    pin.touch(mode=0o600)
    pin.write_text(f"{secrets.token_hex(12)}\n")
    command = [
        "softhsm2-util",
        "--init-token",
        "--free",
        "--label",
        "tests",
        "--so-pin",
        secrets.token_hex(8),
        "--pin",
        pin.read_text().strip(),
    ]
    assert shutil.which("softhsm2-util"), "these tests need SoftHSM: apt-get install softhsm2"
    subprocess.run(command, env=os.environ | {"SOFTHSM2_CONF": str(config)}, check=True, capture_output=True)
    return ModulePlace(LIBRARY, "tests", pin, {"SOFTHSM2_CONF": str(config)})


@dataclass(frozen=True)
class Plane:
    """A running plane with keys."""

    where: Place
    cluster: Cluster
    api: Api


@pytest.fixture(scope="module")
def plane(module: ModulePlace, tmp_path_factory: pytest.TempPathFactory, components: dict[str, Path] | None) -> Iterator[Plane]:
    """One plane for a test module, with a namespace of each level and one of none."""
    root = tmp_path_factory.mktemp("planes")
    where = Place("keyed", root / "keyed")
    begin(where, module, LEVELS)
    cluster = up("keyed", components=components, root=root)
    api = open_cluster(cluster.kubeconfig)
    for name in (*LEVELS, "elsewhere"):
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield Plane(where, cluster, api)
    down("keyed", root=root)

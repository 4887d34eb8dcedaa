"""A plane with its keys in a module, and a deployment to it that has stopped in the middle, as a machine's
other accounts see them.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster, down, up
from sovereign_ai.cluster.keys.control import create_keys
from sovereign_ai.cluster.keys.custody import ModuleLocation
from sovereign_ai.cluster.state import ClusterDir, cluster_dir_of
from sovereign_ai.deploy.state.pulumi_environment import engine_variables, key_file
from sovereign_ai.toolchain.install import find
from tests.attack.listening import tree
from tests.attack.other_account import interpreter
from tests.cluster.keys.conftest import module

__all__ = ["module"]

NAME = "attacked"
_PROGRAM = """
import asyncio
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s

secret = pulumi.Config().require_secret("hidden")
hosts = pulumi.ProviderResource("sovereign-hosts", "hosts", {})
cluster = k8s.Provider("cluster")
options = pulumi.ResourceOptions(provider=cluster, transforms=[lambda args: None])
made = k8s.core.v1.Secret("made", metadata={"namespace": "research"}, string_data={"hidden": secret}, opts=options)


async def wait(_):
    Path("paused").touch()
    while not Path("go").exists():
        await asyncio.sleep(0.05)
    return "went on"


pulumi.export("waited", pulumi.Output.all(made.id, hosts.id).apply(wait))
"""  # noqa: E501 - one literal text
_PACK = """
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

Path(__file__).with_name("ran").touch()


def seen(args, report):
    pass


PolicyPack("pack", [ResourceValidationPolicy("seen", "Sees.", seen)], enforcement_level=EnforcementLevel.MANDATORY)
"""  # noqa: E501 - one literal text


@dataclass(frozen=True)
class Attacked:
    """What runs, and where.

    Attributes:
        root: a folder that every account can enter; all the rest lies below it.
        state: the state folder, `$XDG_STATE_HOME`.
        stack: the stack's folder.
        where: the plane's folder.
        cluster: the plane.
        engine: the Pulumi engine, in the middle of `up`.
        secrets: texts that nobody else may see.
    """

    root: Path
    state: Path
    stack: Path
    where: ClusterDir
    cluster: EmbeddedCluster
    engine: subprocess.Popen[bytes]
    secrets: tuple[str, ...] = field(repr=False)

    def pids(self) -> set[int]:
        """Every process of the plane and of the deployment."""
        return tree(self.cluster.pids["supervisor"], self.engine.pid)


@contextlib.contextmanager
def _set(**variables: str) -> Iterator[None]:
    """Set variables of the environment, and the mask that closes nothing: modes must not hang on it."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    mask = os.umask(0)
    try:
        yield
    finally:
        os.umask(mask)
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


@pytest.fixture(scope="session")
def open_root() -> Iterator[Path]:
    """A folder that every account can enter, unlike those that pytest makes."""
    interpreter()
    root = Path(tempfile.mkdtemp(prefix="attack-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def attacked(open_root: Path, module: ModuleLocation) -> Iterator[Attacked]:
    """Start all of it, and see at the end that the deployment came to its end undisturbed."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    for name, mode in (("home", 0o755), ("tmp", 0o1777), ("stack", 0o755), ("pack", 0o755)):
        (open_root / name).mkdir()
        (open_root / name).chmod(mode)
    own = {"XDG_STATE_HOME": str(open_root / "state"), "XDG_CACHE_HOME": cache}
    with _set(**own, HOME=str(open_root / "home"), TMPDIR=str(open_root / "tmp")):
        where = cluster_dir_of(NAME)
        create_keys(where, module, {"research": "high"})
        cluster = up(NAME)
        try:
            hidden = f"hush-{secrets.token_hex(12)}"
            engine = _deploy(open_root, cluster, hidden)
            texts = (hidden, *_secrets(where, cluster.kubeconfig, module))
            yield Attacked(open_root, open_root / "state", open_root / "stack", where, cluster, engine, texts)
            (open_root / "stack" / "go").touch()
            assert engine.wait(timeout=60) == 0, (open_root / "output").read_text()
        finally:
            down(NAME)


def _deploy(root: Path, cluster: EmbeddedCluster, hidden: str) -> subprocess.Popen[bytes]:
    """Begin a deployment by the real engine, and come back when it waits in the middle."""
    stack, pack, output = root / "stack", root / "pack", root / "output"
    (stack / "Pulumi.yaml").write_text("name: attacked\nruntime: python\n")
    (stack / "__main__.py").write_text(_PROGRAM)
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\n")
    (pack / "__main__.py").write_text(_PACK)
    # The engine looks for its language host beside itself.
    find("pulumi-language-python")
    pulumi, env = str(find("pulumi")), os.environ | engine_variables(NAME, cluster.kubeconfig)
    subprocess.run([_kubectl(), "create", "namespace", "research"], env=env, check=True, capture_output=True)
    for words in (("stack", "init", NAME), ("config", "set", "--secret", "hidden", "--", hidden)):
        subprocess.run([pulumi, *words], cwd=stack, env=env, check=True, capture_output=True)
    command = [pulumi, "up", "--yes", "--skip-preview", "--non-interactive", "--policy-pack", str(pack)]
    with output.open("wb") as file:
        output.chmod(0o600)
        engine = subprocess.Popen(
            command, cwd=stack, env=env, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
    deadline = time.monotonic() + 120
    while not (stack / "paused").exists():
        assert engine.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)
    return engine


def _kubectl() -> str:
    return str(find("kubectl"))


def _secrets(where: ClusterDir, kubeconfig: Path, module: ModuleLocation) -> Iterator[str]:
    """Give texts out of everything secret that lies on this machine."""
    yield key_file().read_text().strip()
    yield module.pin_file.read_text().strip()
    user = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]
    yield user["client-key-data"][100:160]
    for key in where.pki.glob("*.key"):
        yield key.read_text().splitlines()[1]
    yield base64.b64encode(key_file().read_bytes()).decode()[:24]

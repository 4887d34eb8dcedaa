"""What tests share: a real control plane, and the lab deployed on it by the real Pulumi engine.

Both live in a state folder of their own, so that no test touches a user's clusters; a control
plane that cannot be started is a failure, never a skip.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from sovereign_ai.catalog.figures import clear_description_rows
from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load
from tests.support.dark_switch import LINE, DarkSwitch, write_dark_switch

if TYPE_CHECKING:
    from tests.kind.lab import KindLab

# No example has a time limit, since a busy machine is no failure, and each run has the same ones, so that a
# change fails for what it changes.
settings.register_profile(
    "tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")

STACKS = Path(__file__).resolve().parent.parent / "stacks"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag that writes golden files, which refuses where CI is set, and the seed of one run of
    kills.
    """
    parser.addoption(
        "--seed", type=int, help="repeat one life of tests/faults/test_kills.py alone, by its number"
    )
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden files instead of comparing them; refused in CI",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files without the marker that is asked for: collecting 25,000 tests takes half a minute."""
    marker = config.option.markexpr
    if not marker.isidentifier() or not collection_path.name.startswith("test_"):
        return None
    return None if f"mark.{marker}" in collection_path.read_text(encoding="utf-8") else True


LONGEST = (
    "daytwo/test_changes.py",
    "faults/test_identity.py",
    "cli/test_lifecycle.py",
    "faults/test_immutable.py",
    "cli/test_platform_manifests.py",
    "faults/test_kills.py",
    "rules/test_generated.py",
    "deploy/test_upgrade.py",
    "faults/test_guard_release.py",
    "faults/test_drift.py",
    "faults/test_api_faults.py",
    "faults/test_ownership.py",
    "cluster/keys/test_canary.py",
    "deploy/test_host_engine.py",
    "cli/test_repair.py",
)
"""Files of tests on a control plane that take more than a minute, the longest, of seven minutes, first.

A worker takes a whole file. Left to itself it takes those with few tests last, which are the longest: the
other worker then waits for minutes.
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let workers begin with the files that take longest, where tests on a control plane are asked for."""
    if config.option.markexpr == "cluster":
        items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    """Return the place of a test's file in the order; files that are not listed share the last."""
    file = item.nodeid.partition("::")[0].removeprefix("tests/")
    return LONGEST.index(file) if file in LONGEST else len(LONGEST)


def pytest_configure() -> None:
    """Hear what asks a program to end, and so do the programs that tests start, also where a shell put them
    into the background deaf.
    """
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _signals_are_left_as_found() -> Iterator[None]:
    """Fail a test after which a request to end is handled by what the test ran: it would be lost in the next.

    Which tests share a worker changes from run to run, so that only some runs would show it.
    """
    requests = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in requests]
    yield
    after = [signal.getsignal(number) for number in requests]
    for number, handler in zip(requests, before, strict=True):
        signal.signal(number, handler)
    assert after == before


@pytest.fixture(scope="session")
def golden(pytestconfig: pytest.Config) -> Callable[[Path, str], None]:
    """Compare a text with a golden file, or write the file when that is asked for."""
    update = bool(pytestconfig.getoption("--update-golden"))
    if update and os.environ.get("CI"):
        pytest.exit(
            "--update-golden is refused in CI: golden files are changed by a person who looks at the difference",  # noqa: E501 - one literal text
            returncode=2,
        )

    def compare(file: Path, text: str) -> None:
        if update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == text, (
            f"{file.name} differs; if that is right: pytest --update-golden"
        )

    return compare


@dataclass(frozen=True)
class Deployed:
    """The lab on a real control plane."""

    api: Api
    factory: AIFactory
    plan: Plan
    bundle: Bundle
    kubeconfig: Path
    resources: list[dict[str, str]]


@pytest.fixture(scope="session")
def state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state folder of the test run's own, for clusters and Pulumi."""
    folder = tmp_path_factory.mktemp("state")
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture(scope="session")
def kubeconfig(state_home: Path) -> Iterator[Path]:
    """A running embedded control plane with the custom resource definitions of Kueue."""
    from sovereign_ai.cluster.crds import install_crds
    from sovereign_ai.cluster.embedded.lifecycle import down, up
    from sovereign_ai.toolchain.install import module_files

    cluster = up("lab")
    try:
        install_crds(open_cluster(cluster.kubeconfig), module_files("kueue", "config/components/crd/bases"))
        yield cluster.kubeconfig
    finally:
        down("lab")


@pytest.fixture(scope="session")
def plane(kubeconfig: Path) -> Api:
    """A connection to the control plane."""
    return open_cluster(kubeconfig)


@pytest.fixture(scope="session")
def deployed_lab(
    plane: Api, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    """The lab, deployed through Pulumi and simulated, as `sovereign-ai up` does it."""
    from sovereign_ai.deploy.engine.runs import Engine
    from sovereign_ai.sim.factory import simulate

    factory = load(STACKS / "lab")
    derived = plan(factory)
    bundle = render(factory, derived, "lab")
    folder = shutil.copytree(STACKS / "lab", tmp_path_factory.mktemp("stack") / "lab")
    engine = Engine(folder, "lab", kubeconfig, lambda _line: None)
    engine.up()
    simulate(plane, factory, derived, "lab", progress=lambda _line: None)
    yield Deployed(plane, factory, derived, bundle, kubeconfig, engine.resources())
    engine.destroy()


@pytest.fixture(scope="session")
def kind_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KindLab]:
    """The lab on a kind cluster, made once for all folders of tests that need one."""
    from tests.kind.lab import deployed

    yield from deployed(tmp_path_factory.mktemp("kind"))


@pytest.fixture
def dark_switch(tmp_path: Path) -> Iterator[DarkSwitch]:
    """Write a switch of unknown power beside a description in the test's folder: its kind, ports and rate."""
    clear_description_rows()
    yield partial(write_dark_switch, tmp_path)
    clear_description_rows()


@pytest.fixture
def dark_lab(tmp_path: Path, dark_switch: DarkSwitch) -> Path:
    """The folder of a lab whose in-band switches are of unknown power."""
    dark_switch("ethernet", 64, 100)
    text = (STACKS / "lab" / "factory.yaml").read_text(encoding="utf-8")
    text = text.replace("switch: sn4600c", "switch: dark").replace("name: lab\n", f"name: lab\n{LINE}\n")
    tmp_path.joinpath("factory.yaml").write_text(text, encoding="utf-8")
    return tmp_path

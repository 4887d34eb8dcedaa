from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.cluster.api.client import ApiError, UnreachableError
from sovereign_ai.cluster.state import read_json, write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.plan.factory import plan
from sovereign_ai.sim.faults import inject
from sovereign_ai.sim.kubelet.adopt import adopt
from sovereign_ai.sim.kubelet.agent import CONFIG, METRICS, STATUS, Agent, Located, locate, read
from sovereign_ai.sim.provisioner import PREFIX
from sovereign_ai.spec.reader import load
from sovereign_ai.toolchain.container_engine.docker import Docker
from tests.sim.kubelet.fake_kubelet import FakeKubelet, pod, until
from tests.verify.in_memory import InMemoryApi, refused

LAB = Path(__file__).resolve().parents[3] / "stacks" / "lab"
FACTORY = load(LAB)
PLAN = plan(FACTORY)
NAME = next(node.name for node in PLAN.nodes if node.pool == "train")


class Engine:
    """A container engine with one container, which can be ended and started again."""

    def __init__(self, root: Path) -> None:
        self.root, self.number = root, 0
        self.start()

    def start(self) -> None:
        self.number += 1
        self.running = True
        self.kubelet = FakeKubelet(self.root / f"start-{self.number}")

    def stop(self) -> None:
        self.running = False
        self.kubelet.stop()

    def find(self, container: str) -> Located | None:
        number = self.number
        return (
            Located(self.kubelet.node, lambda: self.running and number == self.number)
            if self.running and container == "lab-worker"
            else None
        )


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path)
    yield engine
    if engine.running:
        engine.stop()


@pytest.fixture
def api() -> InMemoryApi:
    api = InMemoryApi()
    status = {"allocatable": {"nvidia.com/gpu": "8"}}
    api.create(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": NAME, "labels": {}},
            "spec": {},
            "status": status,
        }
    )
    adopt(api, FACTORY, PLAN, "lab", [NAME])
    return api


@pytest.fixture
def agent(tmp_path: Path, engine: Engine, api: InMemoryApi) -> Iterator[Agent]:
    agent = Agent(tmp_path, api, FACTORY, "lab", {NAME: "lab-worker"}, engine.find)
    yield agent
    agent.stop()


def metrics(folder: Path) -> list[str]:
    return (folder / METRICS).read_text(encoding="utf-8").splitlines()


def test_an_injected_fault_reaches_the_kubelet_the_container_and_the_metrics(
    agent: Agent, engine: Engine, api: InMemoryApi, tmp_path: Path
) -> None:
    inject(api, FACTORY, PLAN, NAME, gpu=3, xid=79)
    agent.keep()
    until(lambda: "Unhealthy" in engine.kubelet.health().values())
    assert (engine.kubelet.node.gpus / "003" / "lost").read_text(encoding="utf-8") == "79\n"
    (line,) = [line for line in metrics(tmp_path) if line.endswith(" 79")]
    assert line.startswith('DCGM_FI_DEV_XID_ERRORS{gpu="3"')


def test_metrics_name_the_pod_that_the_kubelet_names(agent: Agent, engine: Engine, tmp_path: Path) -> None:
    agent.keep()
    uuid = (engine.kubelet.node.gpus / "005" / "uuid").read_text(encoding="utf-8").strip()
    engine.kubelet.pods = [pod("research", "job-0", resource="nvidia.com/gpu", uuids=[uuid])]
    agent.keep()
    agent.write_metrics()
    held = [line for line in metrics(tmp_path) if 'pod="job-0"' in line]
    assert len(held) == 6
    assert all('gpu="5"' in line for line in held)


def test_status_says_who_is_ready(agent: Agent, engine: Engine, tmp_path: Path) -> None:
    agent.keep()
    assert read_json(tmp_path / STATUS) == {"ready": {NAME: False}}
    engine.kubelet.find_driver()
    agent.keep()
    assert read_json(tmp_path / STATUS) == {"ready": {NAME: True}}


def test_a_container_that_ends_is_not_ready_and_is_served_again_once_it_is_back(
    agent: Agent, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sovereign_ai.sim.kubelet.agent._LOOK_AGAIN_SECONDS", 0)
    agent.keep()
    engine.kubelet.find_driver()
    agent.keep()
    engine.stop()
    agent.keep()
    assert read_json(tmp_path / STATUS) == {"ready": {NAME: False}}
    engine.start()
    agent.keep()
    engine.kubelet.find_driver()
    agent.keep()
    assert read_json(tmp_path / STATUS) == {"ready": {NAME: True}}
    until(lambda: len(engine.kubelet.health()) == 8)


@pytest.mark.parametrize(
    "error",
    [refused(500, "etcd is gone"), UnreachableError(Problem("api-unreachable", "nobody answers"))],
    ids=["refused", "unreachable"],
)
def test_while_the_api_server_is_down_kubelets_are_served_on(
    agent: Agent,
    engine: Engine,
    api: InMemoryApi,
    monkeypatch: pytest.MonkeyPatch,
    error: ApiError | UnreachableError,
) -> None:
    def fail(*_args: object, **_named: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(api, "list", fail)
        patched.setattr(api, "get", fail)
        agent.keep()
    until(lambda: len(engine.kubelet.health()) == 8)


def test_a_claim_that_nobody_foresaw_takes_no_gpu_away(
    agent: Agent, engine: Engine, api: InMemoryApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = {"volume.kubernetes.io/storage-provisioner": PREFIX, "volume.kubernetes.io/selected-node": NAME}
    strange = {"metadata": {"name": "strange", "annotations": notes}, "spec": None}
    monkeypatch.setattr(
        api,
        "list",
        lambda _version, kind, *_more, **_named: [strange] if kind == "PersistentVolumeClaim" else [],
    )
    with pytest.raises(AttributeError):
        agent._provisioner.keep()
    agent.keep()
    until(lambda: len(engine.kubelet.health()) == 8)


def test_a_node_with_a_link_out_of_it_is_not_served(agent: Agent, engine: Engine, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (engine.kubelet.node.root / "etc").mkdir()
    engine.kubelet.node.cdi.symlink_to(outside)
    agent.keep()
    assert list(outside.iterdir()) == []
    assert not engine.kubelet.registered


def test_a_stack_that_changed_since_it_was_deployed_is_not_served(tmp_path: Path) -> None:
    stack = shutil.copytree(LAB, tmp_path / "lab")
    config = {
        "stack": str(stack),
        "digest": "sha256:another",
        "cluster": "lab",
        "kubeconfig": str(tmp_path / "k"),
        "containers": {},
    }
    write_json(tmp_path / CONFIG, config)
    with pytest.raises(UsageError, match="not the description that was deployed"):
        read(tmp_path)


def test_an_agent_without_configuration_says_so(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError, match="no configuration"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("said", "code"), [(b"0\n", 0), (b"", 1), (b"999999999\n", 0)], ids=["stopped", "absent", "gone"]
)
def test_a_container_that_does_not_run_is_not_found(
    monkeypatch: pytest.MonkeyPatch, said: bytes, code: int
) -> None:
    monkeypatch.setattr(
        Docker, "run", lambda *_args, **_named: subprocess.CompletedProcess([], code, said, b"")
    )
    assert locate("lab-worker") is None


def test_a_node_is_reached_through_the_root_of_its_first_process(monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"{os.getpid()}\n".encode()
    monkeypatch.setattr(Docker, "run", lambda *_args, **_named: subprocess.CompletedProcess([], 0, said, b""))
    found = locate("lab-worker")
    assert found is not None
    assert found.runs()
    assert found.node.root.samefile("/")

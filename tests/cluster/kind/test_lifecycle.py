"""The kind plane's decisions, with an engine and a kind of our own making: nothing is started."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import orjson
import pytest
import yaml

from sovereign_ai.cluster.api.client import Api, ApiError
from sovereign_ai.cluster.api.errors import refusal
from sovereign_ai.cluster.backends import Backend, control_plane
from sovereign_ai.cluster.kind import lifecycle
from sovereign_ai.cluster.kind.config import fixed_settings
from sovereign_ai.cluster.kind.control_plane import report
from sovereign_ai.cluster.kind.dead_containers import dead_containers
from sovereign_ai.cluster.kind.machine_status import folder_of, list_kind
from sovereign_ai.errors import EnvironmentLacksError, UsageError
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load
from sovereign_ai.toolchain.path_search import adopt
from sovereign_ai.toolchain.table import tool
from tests.verify.in_memory import InMemoryApi

OURS = [
    f"{name}\t{number:064x}\t{{}}\tabc\t{role}\t/lib/modules"
    for number, (name, role) in enumerate(
        (("lab-control-plane", "control-plane"), ("lab-worker", "worker"), ("lab-worker2", "worker"))
    )
]


class Engine:
    """A `docker` that answers from files, and writes down what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked = folder / "asked"
        self.containers("")
        script = f"""#!/bin/sh
echo "$@" >> {self.asked}
case "$1 $2" in
  version*) echo 28.1.0;;
  ps*) cat {folder}/containers;;
  "image inspect") test -e {folder}/image;;
  "network inspect") exit 1;;
  port*) exit 1;;
  cp*) test -e {folder}/marked || test "$3" != -;;
esac
"""
        (folder / "docker").write_text(script)
        (folder / "docker").chmod(0o755)

    def containers(self, text: str) -> None:
        (self.folder / "containers").write_text(text)

    def have_image(self) -> None:
        (self.folder / "image").touch()

    def have_kind(self, script: str) -> None:
        (self.folder / "kind").write_text(
            f'#!/bin/sh\n[ "$1" = version ] && echo kind v0.33.0 && exit\n{script}\n'
        )
        (self.folder / "kind").chmod(0o755)
        assert adopt(tool("kind"), lambda _line: None), (
            "what is on PATH runs only where a person asked for it"
        )


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Engine(folder)


@pytest.fixture(scope="module")
def described() -> tuple[AIFactory, Plan]:
    factory = load(Path(__file__).resolve().parents[3] / "stacks" / "lab")
    return factory, plan(factory)


def test_without_an_engine_nothing_is_made_and_the_next_step_is_named(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path
) -> None:
    (engine.folder / "docker").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(EnvironmentLacksError, match="needs a container engine") as caught:
        lifecycle.up(*described, "lab", root=tmp_path / "kind")
    assert "cluster engine up" in caught.value.problems[0].hint
    assert not (tmp_path / "kind" / "lab").exists()


def test_without_the_image_the_command_that_makes_it_is_named(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path
) -> None:
    with pytest.raises(EnvironmentLacksError, match="no image sovereign-ai/node") as caught:
        lifecycle.up(*described, "lab", root=tmp_path / "kind")
    assert "tools node-image" in caught.value.problems[0].hint


@pytest.mark.parametrize(
    "lines",
    [
        [line.replace("\tabc\t", "\t\t") for line in OURS],
        OURS[:2],
        [*OURS, OURS[-1].replace("worker2", "worker3")],
    ],
    ids=["of another image", "of fewer machines", "of more machines"],
)
def test_a_cluster_of_another_making_is_refused(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path, lines: list[str]
) -> None:
    engine.containers("\n".join(line.format("running") for line in lines) + "\n")
    with pytest.raises(UsageError, match="that is not this stack's"):
        lifecycle.up(*described, "lab", root=tmp_path / "kind")
    assert not [
        line for line in engine.asked.read_text().splitlines() if line.startswith(("start", "rm", "exec"))
    ]


def test_what_kind_half_made_is_removed_and_its_words_are_kept(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path
) -> None:
    engine.have_image()
    said = "echo error: the kubelet is not healthy; echo Stack Trace:; echo main.main"
    engine.have_kind(
        f'echo "$@" >> {tmp_path}/kind-asked; [ "$1" = create ] && {{ {said}; exit 1; }}; exit 0'
    )
    with pytest.raises(EnvironmentLacksError, match="makes 3 nodes: the kubelet is not healthy") as caught:
        lifecycle.up(*described, "lab", root=tmp_path / "kind")
    assert caught.value.problems[0].hint == f"its log is {tmp_path}/kind/lab-failed.log"
    assert not (tmp_path / "kind" / "lab").exists()
    failed = tmp_path / "kind" / "lab-failed.log"
    assert "the kubelet is not healthy" in failed.read_text()
    assert failed.stat().st_mode & 0o777 == 0o600
    assert "delete cluster --name lab" in (tmp_path / "kind-asked").read_text()


def test_what_a_killed_run_left_half_made_is_removed_before_it_is_made_again(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path
) -> None:
    where = folder_of("lab", tmp_path / "kind")
    (where.folder / "logs").mkdir(parents=True)
    where.record.write_bytes(
        orjson.dumps({"layout": 1, "name": "lab", "machines": {"train-001": "lab-worker"}})
    )
    engine.containers("\n".join(line.format("running") for line in OURS[:2]) + "\n")
    engine.have_kind(f'echo "$@" >> {tmp_path}/kind-asked')
    with pytest.raises(EnvironmentLacksError, match="no image"):
        lifecycle.up(*described, "lab", root=tmp_path / "kind")
    assert (tmp_path / "kind-asked").read_text().startswith("delete cluster --name lab")


def recorded(root: Path, **more: object) -> Path:
    """Write down a cluster that `up` has made; give its record."""
    where = folder_of("lab", root / "kind")
    (where.folder / "logs").mkdir(parents=True)
    machines = {"train-001": "lab-worker", "serve-001": "lab-worker2"}
    where.record.write_bytes(orjson.dumps({"layout": 1, "name": "lab", "machines": machines, **more}))
    return where.record


STRANGER = "/home/other/.local/state/sovereign-ai/kind/lab"


def mounted(*mounts: str) -> str:
    """Write the containers of a cluster, which runs, with more mounts."""
    return "".join(f"{line.format('running')},{','.join(mounts)}\n" for line in OURS)


@pytest.mark.parametrize("verb", ["down", "up"])
@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize(
    ("record", "mounts"),
    [
        ({"identity": "1" * 32}, (f"{STRANGER}/identity/{'2' * 32}",)),
        ({"identity": "1" * 32}, (f"{STRANGER}/identity/{'1' * 32}",)),
        ({"identity": "1" * 32}, ("HERE/identity/" + "2" * 32,)),
        ({"identity": "1" * 32}, ()),
        ({"containers": ["f" * 64]}, ()),
        ({}, (f"{STRANGER}/identity/{'2' * 32}",)),
        ({}, (f"{STRANGER}/pki/cluster-ca.crt",)),
    ],
    ids=[
        "another's",
        "another's under our number",
        "of a folder that was removed",
        "of kind's own command",
        "adopted before",
        "ours of an earlier version",
        "another's of an earlier version",
    ],
)
def test_a_cluster_that_the_state_of_another_made_is_neither_removed_nor_taken_over(
    engine: Engine,
    described: tuple[AIFactory, Plan],
    tmp_path: Path,
    verb: str,
    record: dict[str, object],
    mounts: tuple[str, ...],
    *,
    made: bool,
) -> None:
    """Kind finds clusters by name alone: names, machines and images are all the same."""
    where = recorded(tmp_path, made=made, **record)
    before = where.read_bytes()
    engine.containers(mounted(*(mount.replace("HERE", str(where.parent)) for mount in mounts)))
    engine.have_kind(f'echo "$@" >> {tmp_path}/kind-asked')
    with pytest.raises(UsageError, match="did not create the existing kind cluster 'lab' here") as caught:
        lifecycle.up(*described, "lab", root=tmp_path / "kind") if verb == "up" else lifecycle.down(
            "lab", root=tmp_path / "kind"
        )
    assert "kind delete cluster --name lab" in caught.value.problems[0].hint
    assert (STRANGER in caught.value.problems[0].message) == (STRANGER in str(mounts))
    assert not (tmp_path / "kind-asked").exists()
    assert where.read_bytes() == before
    asked = engine.asked.read_text().splitlines()
    assert not [line for line in asked if line.startswith(("start", "rm", "exec", "cp"))]
    seen = lifecycle.status("lab", root=tmp_path / "kind")
    assert (seen.phase, seen.components, len(seen.foreign)) == ("stopped", (), 3)
    (note,) = (note for note in report(seen).notes if "somebody else" in note)
    assert "kind delete cluster --name lab" in note
    dead = {part.state for part in dead_containers(folder_of("lab", tmp_path / "kind"))}
    assert dead == {"removed"}


@pytest.mark.parametrize(
    ("record", "mount"),
    [
        ({"identity": "1" * 32}, "HERE/identity/" + "1" * 32),
        ({"containers": [f"{number:064x}" for number in range(3)]}, "/var"),
        ({}, "HERE/pki/cluster-ca.crt"),
        ({}, "/var"),
    ],
    ids=["made", "adopted", "made by an earlier version", "adopted by an earlier version"],
)
def test_our_own_cluster_is_removed(
    engine: Engine, tmp_path: Path, record: dict[str, object], mount: str
) -> None:
    where = recorded(tmp_path, made=True, **record)
    engine.containers(mounted(mount.replace("HERE", str(where.parent))))
    engine.have_kind(f'echo "$@" >> {tmp_path}/kind-asked; : > {engine.folder}/containers')
    assert lifecycle.down("lab", root=tmp_path / "kind")
    assert (tmp_path / "kind-asked").read_text().startswith("delete cluster --name lab")
    assert not where.exists()


@pytest.mark.parametrize("sign", ["made elsewhere", "adopted elsewhere"])
def test_a_cluster_of_another_is_not_adopted(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path, sign: str
) -> None:
    engine.containers(mounted(f"{STRANGER}/identity/{'2' * 32}" if sign == "made elsewhere" else "/var"))
    if sign == "adopted elsewhere":
        (engine.folder / "marked").touch()
    engine.have_kind(f'echo "$@" >> {tmp_path}/kind-asked')
    with pytest.raises(UsageError, match="did not create the existing kind cluster 'lab' here"):
        lifecycle.up(*described, "lab", root=tmp_path / "kind")
    assert not (tmp_path / "kind-asked").exists()
    assert not folder_of("lab", tmp_path / "kind").record.exists()


def test_what_kind_s_own_command_made_is_adopted_with_a_mark_and_its_containers(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.containers(mounted("/var"))
    engine.have_kind(f'[ "$1" = export ] && : > {tmp_path}/kind/lab/kubeconfig; exit 0')
    monkeypatch.setattr(lifecycle, "_finish", lambda *_: None)
    lifecycle.up(*described, "lab", root=tmp_path / "kind")
    record = orjson.loads(folder_of("lab", tmp_path / "kind").record.read_bytes())
    assert record["containers"] == [f"{number:064x}" for number in range(3)]
    assert "lab-control-plane:/kind/sovereign-ai-owner" in engine.asked.read_text()


def test_every_node_that_is_made_here_shows_the_cluster_s_identity(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.have_image()
    engine.have_kind("exit 0")
    monkeypatch.setattr(lifecycle, "_finish", lambda *_: None)
    lifecycle.up(*described, "lab", root=tmp_path / "kind")
    where = folder_of("lab", tmp_path / "kind")
    file = where.folder / "identity" / orjson.loads(where.record.read_bytes())["identity"]
    assert file.is_file()
    config = yaml.safe_load((where.folder / "kind-config.yaml").read_text())
    for node in config["nodes"]:
        assert str(file) in [mount["hostPath"] for mount in node["extraMounts"]]


def test_a_name_that_somebody_takes_while_kind_starts_is_not_removed(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path
) -> None:
    engine.have_image()
    (engine.folder / "theirs").write_text(mounted(f"{STRANGER}/identity/{'2' * 32}"))
    taken = f"cp {engine.folder}/theirs {engine.folder}/containers; echo ERROR: node already exists; exit 1"
    engine.have_kind(f'echo "$@" >> {tmp_path}/kind-asked; [ "$1" = create ] && {{ {taken}; }}; exit 0')
    with pytest.raises(EnvironmentLacksError, match="already exists"):
        lifecycle.up(*described, "lab", root=tmp_path / "kind")
    assert "delete" not in (tmp_path / "kind-asked").read_text()


@pytest.mark.parametrize("verb", ["down", "up"])
def test_a_cluster_that_somebody_made_under_the_name_of_one_of_ours_is_not_removed(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path, verb: str
) -> None:
    record = recorded(tmp_path, made=verb == "down")
    engine.containers(OURS[0].replace("\tabc\t", "\t\t").format("running") + "\n")
    engine.have_kind(f'echo "$@" >> {tmp_path}/kind-asked')
    with pytest.raises(
        UsageError, match="did not create the existing kind cluster 'lab' here: lab-control-plane"
    ) as caught:
        lifecycle.up(*described, "lab", root=tmp_path / "kind") if verb == "up" else lifecycle.down(
            "lab", root=tmp_path / "kind"
        )
    assert "kind delete cluster --name lab" in caught.value.problems[0].hint
    assert not (tmp_path / "kind-asked").exists()
    assert record.exists()


def test_what_a_killed_run_found_before_it_counts_for_the_next(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path
) -> None:
    record = recorded(tmp_path, network_was_there=False, cgroups_before=["misc"])
    text = (
        (engine.folder / "docker")
        .read_text()
        .replace('"network inspect") exit 1', '"network inspect") exit 0')
    )
    (engine.folder / "docker").write_text(text)
    engine.have_image()
    engine.have_kind(f'[ "$1" = create ] && cp {record} {tmp_path}/seen && exit 1; exit 0')
    with pytest.raises(EnvironmentLacksError):
        lifecycle.up(*described, "lab", root=tmp_path / "kind")
    seen = orjson.loads((tmp_path / "seen").read_bytes())
    assert (seen["network_was_there"], seen["cgroups_before"]) == (False, ["misc"])


def test_a_cluster_that_was_made_for_other_machines_is_named_at_once_and_left_alone(
    engine: Engine, described: tuple[AIFactory, Plan], tmp_path: Path
) -> None:
    made_for = fixed_settings(*described, "lab") | {"machines": ["train-001", "serve-101"]}
    recorded(tmp_path, made=True, made_for=made_for)
    engine.containers("\n".join(line.format("exited") for line in OURS) + "\n")
    said = "of its real machines the description has no serve-101 "
    with pytest.raises(UsageError, match=said) as caught:
        lifecycle.up(*described, "lab", root=tmp_path / "kind")
    assert "sovereign-ai down" in caught.value.problems[0].hint
    assert "start" not in engine.asked.read_text()


def test_what_up_would_refuse_is_refused_before_a_preview(
    described: tuple[AIFactory, Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    plane = control_plane(Backend.KIND, "lab")
    plane.cluster_dir.make()
    made_for = fixed_settings(*described, "lab")
    plane.cluster_dir.record.write_bytes(orjson.dumps({"layout": 1, "made_for": made_for}))
    plane.refuse_unsupported_changes(*described)
    made_for["pods"] = "10.0.0.0/26"
    plane.cluster_dir.record.write_bytes(orjson.dumps({"layout": 1, "made_for": made_for}))
    with pytest.raises(UsageError, match="and those of the 17 nodes described"):
        plane.refuse_unsupported_changes(*described)


def test_a_cluster_that_is_not_there_is_absent_without_asking_an_engine(
    engine: Engine, tmp_path: Path
) -> None:
    seen = lifecycle.status("lab", root=tmp_path / "kind")
    assert (seen.phase, seen.healthy, seen.components) == ("absent", False, ())
    assert lifecycle.down("lab", root=tmp_path / "kind") is False
    assert not engine.asked.exists()
    assert list_kind(tmp_path / "kind") == ()
    with pytest.raises(EnvironmentLacksError, match="does not run"):
        lifecycle.cluster_of("lab", root=tmp_path / "kind")


@pytest.mark.parametrize(("state", "phase"), [("running", "degraded"), ("exited", "stopped")])
def test_containers_are_told_by_their_machines_and_unwell_without_an_api_server(
    engine: Engine, tmp_path: Path, state: str, phase: str
) -> None:
    where = folder_of("lab", tmp_path / "kind")
    where.folder.mkdir(parents=True)
    where.record.write_bytes(
        orjson.dumps(
            {"layout": 1, "name": "lab", "machines": {"train-001": "lab-worker", "serve-001": "lab-worker2"}}
        )
    )
    engine.containers("\n".join(line.format(state) for line in OURS) + "\n")
    seen = lifecycle.status("lab", root=tmp_path / "kind")
    assert (seen.phase, seen.healthy, seen.server) == (phase, False, None)
    assert [(one.name, one.container, one.alive) for one in seen.components] == [
        ("lab-control-plane", "lab-control-plane", state == "running"),
        ("train-001", "lab-worker", state == "running"),
        ("serve-001", "lab-worker2", state == "running"),
    ]
    assert seen.to_data()["backend"] == "kind"


def test_a_name_that_is_no_label_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot name a cluster"):
        lifecycle.status("../lab", root=tmp_path)


@pytest.mark.parametrize(("status", "said"), [(403, False), (422, None)])
def test_an_api_server_that_does_not_know_its_administrator_yet_is_waited_for_and_any_other_refusal_is_told(
    status: int, said: bool | None
) -> None:
    memory = InMemoryApi()

    def refuse(_obj: object) -> None:
        raise refusal("PATCH", "/serviceaccounts/kwok", status, {"message": "no"})

    memory.admit = refuse
    objects = [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "kwok", "namespace": "kube-system"},
        }
    ]
    if said is None:
        with pytest.raises(ApiError, match="no"):
            lifecycle._takes(cast("Api", memory), objects)
    else:
        assert lifecycle._takes(cast("Api", memory), objects) is said

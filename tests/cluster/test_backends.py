"""Every kind of control plane, behind one interface."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cluster.backends import (
    LOCAL_KINDS,
    control_plane,
    explain_local_kinds,
    list_local,
    list_local_kinds,
    local_control_planes,
    with_queueing,
)
from sovereign_ai.cluster.control_plane import Backend, ControlPlane, LocalBackend
from sovereign_ai.cluster.embedded import control_plane as embedded_control_plane
from sovereign_ai.cluster.embedded.control_plane import monitoring_of
from sovereign_ai.cluster.embedded.monitoring import Monitoring
from sovereign_ai.cluster.embedded.queueing import set_queueing
from sovereign_ai.errors import EnvironmentLacksError, UsageError
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.platform import Platform
from sovereign_ai.spec.reader import load

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
KINDS = list(Backend)
LOCAL = {backend.value for backend in LocalBackend}


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Keep the state of every cluster in a folder of the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.mark.parametrize("backend", KINDS)
def test_a_control_plane_is_of_the_kind_and_name_that_were_asked_for(backend: Backend, state: Path) -> None:
    plane: ControlPlane = control_plane(backend, "lab")
    assert (plane.backend, plane.name) == (backend, "lab")
    assert plane.is_local is (backend.value in LOCAL)
    usual = ""
    assert plane.state_key == (LOCAL_KINDS[LocalBackend(backend)].state_key if plane.is_local else usual)
    assert not state.exists(), "nothing is written before it is started"


def test_every_value_of_the_option_has_its_kind() -> None:
    assert list(LOCAL_KINDS) == list(LocalBackend)
    assert {*LOCAL, Backend.KUBECONFIG} == {*Backend}


def test_the_help_names_every_local_kind_and_what_it_uses() -> None:
    assert all(f"`{backend}`" in list_local_kinds("or") for backend in LOCAL_KINDS)
    assert all(
        f"`{backend}` uses {kind.uses}" in explain_local_kinds() for backend, kind in LOCAL_KINDS.items()
    )
    assert list_local_kinds("and").endswith(f" and `{list(LOCAL_KINDS)[-1]}`")
    assert explain_local_kinds().startswith(
        "`embedded` uses processes; `kind` uses containers with real kubelets"
    )


def test_one_kind_is_meant_where_no_option_names_another() -> None:
    planes = [control_plane(backend, "lab") for backend in KINDS]
    assert [plane.backend for plane in planes if plane.is_default] == [Backend.EMBEDDED]
    assert [plane.options for plane in planes if plane.is_default] == [[]]
    assert all("--cluster" in plane.options for plane in planes if not plane.is_default)


def test_local_control_planes_of_one_name_keep_their_state_apart() -> None:
    planes = local_control_planes("lab")
    assert {plane.backend.value for plane in planes} == LOCAL
    assert len({plane.cluster_dir.folder for plane in planes}) == len(planes)
    assert len({plane.state_key for plane in planes}) == len(planes)
    assert all(plane.kubeconfig == plane.cluster_dir.kubeconfig for plane in planes)


@pytest.mark.parametrize("backend", KINDS)
def test_a_cluster_that_does_not_exist_is_not_running(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError) as caught:
        control_plane(backend, "lab", tmp_path / "absent").running()
    assert caught.value.problems[0].code in {"no-cluster", "no-kubeconfig"}


def test_a_local_control_plane_that_does_not_exist_is_absent_and_nothing_to_stop() -> None:
    for plane in local_control_planes("lab"):
        assert (plane.status().phase, plane.status().healthy) == ("absent", False)
        assert not plane.down(lambda _line: None).was_there
    assert list(list_local()) == []


def test_a_cluster_of_the_user_is_used_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.touch()
    plane = control_plane(Backend.KUBECONFIG, "lab", file)
    assert plane.up(print) == plane.running()
    assert plane.running().kubeconfig == file.resolve()
    assert plane.health() == ()
    assert plane.options == ["--cluster", "kubeconfig", "--kubeconfig", str(file)]
    with pytest.raises(UsageError):
        plane.down(print)
    with pytest.raises(UsageError):
        plane.rotate(print)
    with pytest.raises(UsageError):
        plane.status()
    with pytest.raises(UsageError):
        _ = plane.cluster_dir


def test_a_kubeconfig_of_the_user_is_never_guessed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path))
    with pytest.raises(UsageError) as caught:
        control_plane(Backend.KUBECONFIG, "lab").running()
    assert caught.value.problems[0].code == "no-kubeconfig"


def test_a_kind_cluster_keeps_no_data_and_is_made_from_a_description() -> None:
    plane = control_plane(Backend.KIND, "lab")
    with pytest.raises(UsageError) as caught:
        plane.down(print, keep_data=True)
    assert caught.value.problems[0].code == "no-data-kept"
    with pytest.raises(UsageError) as caught:
        plane.rotate(print)
    assert caught.value.problems[0].code == "not-rotated"
    with pytest.raises(ValueError, match="description"):
        plane.up(print)


def test_kueue_joins_a_control_plane_of_processes_and_no_other() -> None:
    plane = with_queueing(control_plane(Backend.EMBEDDED, "lab"), queueing=True)
    assert (plane.name, plane.backend) == ("lab", Backend.EMBEDDED)
    assert plane != control_plane(Backend.EMBEDDED, "lab")
    with pytest.raises(UsageError, match="options-conflict"):
        with_queueing(control_plane(Backend.KIND, "lab"), queueing=True)


def started_with(
    monkeypatch: pytest.MonkeyPatch,
    plane: ControlPlane,
    factory: AIFactory | None,
    *,
    changes_queueing: bool = True,
) -> object:
    """Return whether Kueue is asked for as a control plane's process, and whether by a description."""
    seen: list[object] = []

    class StartedError(Exception):
        """The start of processes, which these tests do without."""

    def note(_name: str, **settings: object) -> None:
        seen.append((settings["queueing"], settings["by_description"]))
        raise StartedError

    monkeypatch.setattr(embedded_control_plane.embedded, "up", note)
    described = None if factory is None else (factory, plan(factory))
    with pytest.raises(StartedError):
        plane.up(lambda _line: None, described, changes_queueing=changes_queueing)
    return seen[0]


@pytest.mark.parametrize(
    ("platform", "wanted"),
    [(Platform(queueing=("kueue",)), True), (Platform(queueing=("volcano",)), False), (None, False)],
    ids=["kueue", "another-queue", "no-platform"],
)
def test_a_platform_that_queues_with_kueue_asks_for_it_and_any_other_does_not(
    monkeypatch: pytest.MonkeyPatch, platform: Platform | None, wanted: object
) -> None:
    factory = load(LAB).model_copy(update={"platform": platform})
    assert started_with(monkeypatch, control_plane(Backend.EMBEDDED, "lab"), factory) == (wanted, True)


def test_the_option_wins_over_the_platform_and_without_a_description_it_is_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factory = load(LAB).model_copy(update={"platform": Platform(queueing=("kueue",))})
    plane = control_plane(Backend.EMBEDDED, "lab")
    assert started_with(monkeypatch, with_queueing(plane, queueing=False), factory) == (False, False)
    assert started_with(monkeypatch, plane, None) == (None, False)


def test_kueue_changes_with_a_description_where_that_is_asked_for_or_the_control_plane_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factory = load(LAB).model_copy(update={"platform": Platform(queueing=("kueue",))})
    plane = control_plane(Backend.EMBEDDED, "lab")
    assert started_with(monkeypatch, plane, factory, changes_queueing=False) == (True, True)
    plane.cluster_dir.make()
    plane.cluster_dir.record.write_text("{}")
    assert started_with(monkeypatch, plane, factory, changes_queueing=False) == (None, False)
    assert started_with(monkeypatch, plane, factory) == (True, True)


def test_fair_sharing_is_the_descriptions_and_where_it_does_not_begin_yet_it_is_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[object] = []

    class StartedError(Exception):
        """The start of processes, which this test does without."""

    def note(_name: str, **settings: object) -> None:
        seen.append(settings["fair_sharing"])
        raise StartedError

    monkeypatch.setattr(embedded_control_plane.embedded, "up", note)
    both = Platform(queueing=("kueue",), fair_sharing=("LessThanInitialShare",))
    shared = load(LAB).model_copy(update={"platform": both})
    plane = control_plane(Backend.EMBEDDED, "lab")
    plane.cluster_dir.make()
    for factory, begins in ((shared, True), (shared, False), (load(LAB), True), (None, True)):
        described = None if factory is None else (factory, plan(factory))
        with pytest.raises(StartedError):
            plane.up(lambda _line: None, described, begins_sharing=begins)
    # Where Kueue shares already, other strategies begin with the deployment.
    set_queueing(plane.cluster_dir, tmp_path, fair_sharing=("LessThanOrEqualToFinalShare",))
    with pytest.raises(StartedError):
        plane.up(lambda _line: None, (shared, plan(shared)), begins_sharing=False)
    assert seen == [("LessThanInitialShare",), None, (), None, ("LessThanInitialShare",)]


def test_a_platform_that_names_what_watches_has_it_run_under_the_rules_of_the_clusters_site() -> None:
    both = Platform(monitoring=("grafana", "kube-state-metrics", "prometheus"))
    factory = load(LAB).model_copy(update={"platform": both})
    wanted = monitoring_of(factory, plan(factory), "lab")
    assert wanted.programs == ("prometheus", "kube-state-metrics")
    assert wanted.description == factory.canonical()
    assert "GpuFault" in wanted.rules["fra1.yaml"]


@pytest.mark.parametrize("platform", [None, Platform(queueing=("kueue",)), Platform(monitoring=("grafana",))])
def test_a_platform_that_names_nothing_that_runs_here_has_nothing_watch(platform: Platform | None) -> None:
    factory = load(LAB).model_copy(update={"platform": platform})
    assert monitoring_of(factory, plan(factory), "lab") == Monitoring()
    assert control_plane(Backend.EMBEDDED, "lab").planned_monitoring(factory, plan(factory)) is None


def test_nothing_watches_a_control_plane_that_does_not_consist_of_processes(tmp_path: Path) -> None:
    factory = load(LAB).model_copy(update={"platform": Platform(monitoring=("prometheus",))})
    for plane in (control_plane(Backend.KIND, "lab"), control_plane(Backend.KUBECONFIG, "lab", tmp_path)):
        assert plane.planned_monitoring(factory, plan(factory)) is None

"""Two states that deploy one folder at once: each engine reads the salt of its own state."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sovereign_ai.deploy.engine import runs as engines
from sovereign_ai.deploy.engine.runs import Engine
from sovereign_ai.deploy.state.folder_lock import lock_folder
from sovereign_ai.errors import EnvironmentLacksError
from tests.support.small_engine import checkpoint, write_engine, write_project


def quiet(_line: str) -> None:
    """Say nothing."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = write_engine(tmp_path / "engine")
    (program.parent / "slow").touch()
    monkeypatch.setattr(engines, "find", lambda _name: program)
    monkeypatch.setattr(engines, "engine_variables", lambda *_: {})
    return write_project(tmp_path / "lab")


def engine(folder: Path, state: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder.parent / state))
    return Engine(folder, "lab", None, quiet)


def test_two_states_deploy_one_folder_at_once_and_each_finds_its_own_salt(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [engine(folder, state, monkeypatch) for state in ("one", "two")]
    wrong: list[BaseException] = []

    def life(one: Engine) -> None:
        try:
            for _ in range(3):
                one.up()
            one.destroy()
        except BaseException as error:  # noqa: BLE001 - told below, in the test's own thread
            wrong.append(error)

    threads = [threading.Thread(target=life, args=(one,)) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert not (folder / "Pulumi.lab.yaml").exists()


def test_a_command_that_waits_says_so_and_gives_up_with_a_problem(folder: Path) -> None:
    said: list[str] = []
    with lock_folder(folder, quiet) as settled:
        with (
            pytest.raises(EnvironmentLacksError, match="folder-busy"),
            lock_folder(folder, said.append, seconds=0),
        ):
            pass
        settled()
        with lock_folder(folder, said.append, seconds=0):
            pass
    assert said == ["waiting for another command in this folder"]
    assert [path.name for path in folder.iterdir()] == ["Pulumi.yaml"]


def test_a_folder_that_cannot_be_opened_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError, match="no-folder"), lock_folder(tmp_path / "none", quiet):
        pass


def test_an_unreachable_cluster_whose_kubeconfig_is_gone_is_called_gone_and_not_silent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = folder.parent / "gone.kubeconfig"
    one = engine(folder, "one", monkeypatch)
    one.kubeconfig = folder.parent / "here.kubeconfig"
    one.files.checkpoint.parent.mkdir(parents=True)
    one.files.checkpoint.write_bytes(checkpoint(1, kubeconfig=str(gone)))
    (folder.parent / "engine" / "fails").write_text("error: Pod read failed: unreachable cluster")
    for run in (one.up, one.preview):
        with pytest.raises(EnvironmentLacksError, match="cluster-gone") as caught:
            run()
        assert str(gone) in str(caught.value)

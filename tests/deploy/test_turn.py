"""Two states that deploy one folder at once: each engine reads the salt of its own state."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sovereign_ai.deploy import engine as engines
from sovereign_ai.deploy.engine import Engine
from sovereign_ai.deploy.place import pulumi_state
from sovereign_ai.deploy.turn import turn
from sovereign_ai.errors import EnvironmentLacksError

# What matters of Pulumi: `init` puts a salt of its own into the folder, `up` reads it some time after its start and refuses another's.
PULUMI = """#!/bin/sh
state="${PULUMI_BACKEND_URL#file://}"
case "$1 $2" in
"stack ls") [ -e "$state/made" ] && echo '[{"name": "lab"}]' || echo '[]';;
"stack init") echo "encryptionsalt: $state" > Pulumi.lab.yaml; touch "$state/made";;
"stack rm") rm "$state/made";;
"stack export") echo '{"deployment": {}}';;
"up --stack" | "preview --stack" | "destroy --stack")
  sleep 0.2
  read -r _ salt < Pulumi.lab.yaml
  [ "$salt" = "$state" ] || { echo "error: incorrect passphrase"; exit 255; }
  echo '{"preludeEvent": {}}'
  sleep 0.2;;
esac
"""


def quiet(_line: str) -> None:
    """Say nothing."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "pulumi"
    program.write_text(PULUMI)
    program.chmod(0o700)
    monkeypatch.setattr(engines, "find", lambda _name: program)
    monkeypatch.setattr(engines, "release", lambda _stack, _kubeconfig: None)
    monkeypatch.setattr(engines, "environment", lambda *_: {"PULUMI_BACKEND_URL": f"file://{pulumi_state()}"})
    made = tmp_path / "lab"
    made.mkdir()
    (made / "Pulumi.yaml").write_text("name: lab\n")
    return made


def engine(folder: Path, state: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder.parent / state))
    return Engine(folder, "lab", None, quiet)


def test_two_states_deploy_one_folder_at_once_and_each_finds_its_own_salt(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    with turn(folder, quiet) as settled:
        with pytest.raises(EnvironmentLacksError, match="folder-busy"), turn(folder, said.append, seconds=0):
            pass
        settled()
        with turn(folder, said.append, seconds=0):
            pass
    assert said == ["waiting for another command in this folder"]
    assert [path.name for path in folder.iterdir()] == ["Pulumi.yaml"]


def test_a_folder_that_cannot_be_opened_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError, match="no-folder"), turn(tmp_path / "none", quiet):
        pass


def test_an_unreachable_cluster_whose_kubeconfig_is_gone_is_called_gone_and_not_silent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = folder.parent / "gone.kubeconfig"
    one = engine(folder, "one", monkeypatch)
    one.kubeconfig = folder.parent / "here.kubeconfig"
    program = folder.parent / "pulumi"
    state = '{"deployment": {"resources": [{"type": "pulumi:providers:kubernetes", "inputs": {"kubeconfig": "GONE"}}, {"type": "kubernetes:core/v1:Pod"}]}}'
    text = PULUMI.replace('{"deployment": {}}', state.replace("GONE", str(gone)))
    program.write_text(text.replace("echo '{\"preludeEvent\": {}}'", "echo 'error: Pod read failed: unreachable cluster'; exit 1"))
    for run in (one.up, one.preview):
        with pytest.raises(EnvironmentLacksError, match="cluster-gone") as caught:
            run()
        assert str(gone) in str(caught.value)

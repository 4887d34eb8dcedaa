"""Programs and functions in namespaces, as far as that needs no root."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sovereign_ai.errors import DeploymentError
from sovereign_ai.fabric_twin import namespace
from sovereign_ai.fabric_twin.namespace import batch, list_namespaces, processes, query_table, run, within


def test_a_program_gets_its_input_and_returns_what_it_prints() -> None:
    assert run(["cat"], "text") == "text"


def test_a_failure_is_a_problem_with_what_was_printed_unless_it_may_fail() -> None:
    failing = ["sh", "-c", "echo wrong >&2; exit 3"]
    with pytest.raises(DeploymentError, match="ended with 3: wrong"):
        run(failing)
    assert run(failing, check=False) == ""


def test_commands_go_to_one_process_in_their_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], str, bool]] = []
    monkeypatch.setattr(
        namespace, "run", lambda arguments, text, *, check: calls.append((arguments, text, check))
    )
    batch(["link set a up", "link set b up"], "twin.leaf")
    batch(["fdb show"], program="bridge")
    batch(["link del a"], "twin.leaf", force=True)
    assert calls == [
        (["ip", "-n", "twin.leaf", "-batch", "-"], "link set a up\nlink set b up\n", True),
        (["bridge", "-batch", "-"], "fdb show\n", True),
        (["ip", "-n", "twin.leaf", "-force", "-batch", "-"], "link del a\n", False),
    ]


@pytest.mark.parametrize(("text", "rows"), [("", []), ("\n", []), ('[{"dst": "a"}]', [{"dst": "a"}])])
def test_a_table_is_read_from_json_also_where_it_is_empty(
    monkeypatch: pytest.MonkeyPatch, text: str, rows: list[dict[str, str]]
) -> None:
    monkeypatch.setattr(namespace, "run", lambda _arguments: text)
    assert query_table("twin.leaf", "route", "show") == rows


def test_namespaces_are_listed_by_their_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "FOLDER", tmp_path / "absent")
    assert list_namespaces("twin-") == []
    for name in ("twin-lab.b", "twin-lab.a", "other"):
        (tmp_path / name).touch()
    monkeypatch.setattr(namespace, "FOLDER", tmp_path)
    assert list_namespaces("twin-lab.") == ["twin-lab.a", "twin-lab.b"]


def test_a_namespace_that_is_not_there_cannot_be_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespace, "FOLDER", tmp_path)
    with pytest.raises(DeploymentError, match=r"twin\.absent"):
        within("twin.absent", lambda: "never")


def test_a_zombie_is_no_living_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    monkeypatch.setattr(namespace, "run", lambda *_words, **_check: f"{os.getpid()}\n{ended.pid}\n")
    assert processes("twin.leaf") == [os.getpid()]
    ended.wait()

"""Hosts through the real Pulumi engine where no host answers: nothing is asked but a closed port of this
machine.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.cluster
LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")
AWAY = {"connection": "ssh", "address": "127.0.0.1", "port": 9}


def started(verb: str, *more: str, state: Path) -> subprocess.Popen[str]:
    """Start a command of the program on the lab's hosts, with a state folder of its own."""
    command = [str(Path(sys.executable).with_name("sovereign-ai")), "hosts", verb, LAB, *more, "--json"]
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def test_two_previews_at_once_each_look_at_the_hosts_that_they_were_asked_for(tmp_path: Path) -> None:
    given = tmp_path / "hosts.yaml"
    given.write_text(json.dumps({"reach": {"train-001": AWAY, "serve-001": AWAY}}), encoding="utf-8")
    names = ("train-001", "serve-001")
    both = [
        started("preview", "--given", str(given), "--limit", name, state=tmp_path / "state") for name in names
    ]
    seen = [sorted(json.loads(one.communicate(timeout=300)[0])["failed"]) for one in both]
    assert seen == [[name] for name in names]


@pytest.mark.parametrize(
    ("verb", "code", "said"),
    [("preview", 130, "`pulumi preview` was interrupted"), ("up", 4, "not brought to the plan: train-001")],
)
def test_a_run_that_is_asked_to_end_ends_and_says_so(tmp_path: Path, verb: str, code: int, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        given = tmp_path / "hosts.yaml"
        given.write_text(
            json.dumps({"reach": {"train-001": {**AWAY, "port": silent.getsockname()[1]}}}), encoding="utf-8"
        )
        process = started(verb, "--given", str(given), "--limit", "train-001", state=tmp_path / "state")
        silent.settimeout(120)
        with silent.accept()[0]:
            process.send_signal(signal.SIGINT)
            out, words = process.communicate(timeout=60)
    assert process.returncode == code, words
    assert json.loads(out)["problems"][0]["message"].startswith(said)
    assert words.count("ending what runs, here and on the hosts") == 1


def test_hosts_that_do_not_answer_are_named_and_stay_in_the_state_until_they_are_forgotten(
    tmp_path: Path,
) -> None:
    given = tmp_path / "hosts.yaml"
    given.write_text(json.dumps({"reach": {"train-001": AWAY, "serve-001": AWAY}}), encoding="utf-8")

    def said(verb: str, *more: str) -> tuple[int, dict[str, Any]]:
        process = started(verb, *more, state=tmp_path / "state")
        out, words = process.communicate(timeout=600)
        assert out, words
        return process.returncode, json.loads(out)

    both = ("--given", str(given), "--limit", "train-001", "--limit", "serve-001")
    code, data = said("up", *both)
    problems = [one["message"].partition(": ")[0] for one in data["problems"]]
    assert (code, problems) == (4, ["train-001 unreachable", "not brought to the plan", *problems[2:]])
    assert problems[2:] == ["1 host failed, and the budget is 0; nothing after fra1-train-su0 was begun"]
    code, data = said("preview", *both)
    assert (code, data["changes"], sorted(data["failed"])) == (4, {"update": 1}, ["serve-001", "train-001"])
    code, data = said("forget")
    assert (code, data["forgotten"]) == (0, 2)
    assert list((tmp_path / "state" / "sovereign-ai" / "hosts" / "inventories").iterdir()) == []
    assert said("forget")[1]["forgotten"] == 0

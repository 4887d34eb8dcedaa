"""Hosts through the real Pulumi engine where no host answers: nothing is asked but a closed port of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.cluster
LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")
AWAY = {"connection": "ssh", "address": "127.0.0.1", "port": 9}


def test_hosts_that_do_not_answer_are_named_kept_in_the_state_never_taken_for_gone_and_forgotten_on_request(tmp_path: Path) -> None:
    given = tmp_path / "hosts.yaml"
    given.write_text(json.dumps({"reach": {"train-001": AWAY, "serve-001": AWAY}}), encoding="utf-8")

    def said(verb: str, *more: str) -> tuple[int, dict[str, Any]]:
        command = [str(Path(sys.executable).with_name("sovereign-ai")), "hosts", verb, LAB, *more, "--json"]
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=600)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    both = ("--given", str(given), "--limit", "train-001", "--limit", "serve-001")
    code, data = said("up", *both)
    problems = [one["message"].partition(": ")[0] for one in data["problems"]]
    assert (code, problems) == (4, ["train-001 unreachable", "not brought to the plan", *problems[2:]])
    assert problems[2:] == ["1 hosts failed, and the budget is 0; nothing after fra1-train-su0 was begun"]
    code, data = said("preview", *both)
    assert (code, data["changes"], sorted(data["failed"])) == (4, {"update": 1}, ["serve-001", "train-001"])
    code, data = said("forget")
    assert (code, data["forgotten"]) == (0, 2)
    assert list((tmp_path / "state" / "sovereign-ai" / "hosts" / "inventories").iterdir()) == []
    assert said("forget")[1]["forgotten"] == 0

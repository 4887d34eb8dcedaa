from __future__ import annotations

import json
from pathlib import Path

from sovereign_ai.toolchain.container_engine import trim

HAVE = trim.bounding_set() - {"CAP_SYS_RESOURCE"}
PROCESS = {
    "args": ["sh"],
    "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE"], "effective": ["CAP_SYS_RESOURCE"]},
    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1, "soft": 1}],
    "oomScoreAdj": -500,
}


def test_what_cannot_be_given_is_not_asked_for() -> None:
    kept = trim.trimmed(PROCESS, frozenset({"CAP_CHOWN"}))
    assert kept["capabilities"] == {"bounding": ["CAP_CHOWN"], "effective": []}
    assert kept["rlimits"] == []
    assert kept["oomScoreAdj"] == 0
    assert kept["args"] == ["sh"]


def test_a_score_that_can_be_set_stays() -> None:
    assert trim.trimmed({**PROCESS, "oomScoreAdj": 300}, HAVE)["oomScoreAdj"] == 300


def test_a_container_is_trimmed_where_runc_would_read_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"ociVersion": "1.0.2", "process": PROCESS}))
    trim.rewrite(["--root", "/run/x", "create", f"--bundle={tmp_path}", "id"], frozenset({"CAP_CHOWN"}))
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["ociVersion"] == "1.0.2"
    assert written["process"]["capabilities"]["bounding"] == ["CAP_CHOWN"]


def test_a_command_in_a_container_is_trimmed_too(tmp_path: Path) -> None:
    file = tmp_path / "process.json"
    file.write_text(json.dumps(PROCESS))
    trim.rewrite(["exec", "--process", str(file), "--detach", "id"], frozenset())
    assert json.loads(file.read_text())["capabilities"] == {"bounding": [], "effective": []}


def test_other_commands_read_nothing() -> None:
    trim.rewrite(["--log", "/nowhere", "state", "id"], frozenset())


def test_every_capability_is_either_there_or_missing() -> None:
    assert not trim.bounding_set() & trim.missing()
    assert len(trim.bounding_set() | trim.missing()) == 41

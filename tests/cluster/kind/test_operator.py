"""What a kind node is shown of operator and authority before it starts."""

from __future__ import annotations

import json
from pathlib import Path

from sovereign_ai.cluster.kind.config import SETTINGS
from sovereign_ai.cluster.kind.operator import PORT, again, is_asked, prepare, runs
from sovereign_ai.cluster.state import Place


def test_the_api_server_is_told_whom_to_ask_by_paths_that_it_sees_and_by_an_authority_that_it_gets(tmp_path: Path) -> None:
    where = Place("lab", tmp_path / "lab")
    where.make()
    assert not is_asked(where)
    assert "make it anew" in again(where)
    prepare(where)
    assert again(where) == "`sovereign-ai cluster up --backend kind STACK`"
    assert is_asked(where)
    assert not runs(where)
    webhook = json.loads((where.config / "authorization.json").read_text())["authorizers"][0]["webhook"]
    assert webhook["connectionInfo"]["kubeConfigFile"] == f"{SETTINGS}/operator.kubeconfig"
    assert webhook["failurePolicy"] == "Deny"
    kubeconfig = json.loads((where.config / "operator.kubeconfig").read_text())
    assert kubeconfig["clusters"][0]["cluster"]["server"] == f"https://127.0.0.1:{PORT}/answer"
    held = {path.name: path.stat().st_mode & 0o777 for path in where.pki.iterdir()}
    names = ("authorization-client", "cluster-ca", "operator", "operator-server")
    assert held == dict.fromkeys((f"{name}.{end}" for name in names for end in ("crt", "key")), 0o600)


def test_a_second_look_makes_nothing_new(tmp_path: Path) -> None:
    where = Place("lab", tmp_path / "lab")
    where.make()
    prepare(where)
    before = {path: path.read_bytes() for path in where.pki.iterdir()}
    prepare(where)
    assert {path: path.read_bytes() for path in where.pki.iterdir()} == before

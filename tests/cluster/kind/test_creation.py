from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.kind import creation
from sovereign_ai.cluster.kind.creation import run_kind
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain.steps import WayClosedError


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("error: kubelet is not healthy\nERROR: failed to create cluster\n", "kubelet is not healthy"),
        ("ERROR: first\nERROR: no space left\n", "no space left"),
        ("Creating cluster\n", ""),
    ],
)
def test_the_last_reason_of_kubeadm_counts_before_that_of_kind(
    tmp_path: Path, text: str, reason: str
) -> None:
    log = tmp_path / "kind.log"
    log.write_text(text)
    assert creation._reason(log) == reason
    assert creation._reason(tmp_path / "none") == ""


def test_kind_gets_neither_the_user_s_proxy_nor_kubeconfig(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: dict[str, str] = {}

    def run(_argv: list[str], *, env: dict[str, str], **_how: Any) -> None:
        seen.update(env)

    monkeypatch.setattr(creation, "run", run)
    monkeypatch.setattr(creation, "find", lambda _name: Path("/kind"))
    for name in ("https_proxy", "HTTP_PROXY", "KUBECONFIG"):
        monkeypatch.setenv(name, "somewhere")
    run_kind(["version"], "lab: version", tmp_path / "log", print)
    assert "somewhere" not in seen.values()
    assert seen["KIND_EXPERIMENTAL_PROVIDER"] == "docker"
    assert seen["PATH"] == os.environ["PATH"]


def test_a_failed_run_names_its_log_and_where_the_log_will_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(*_argv: Any, **_how: Any) -> None:
        raise WayClosedError("kind ended with status 1")

    monkeypatch.setattr(creation, "run", run)
    monkeypatch.setattr(creation, "find", lambda _name: Path("/kind"))
    with pytest.raises(EnvironmentLacksError, match="ended with status 1") as caught:
        run_kind(["create"], "lab", tmp_path / "log", print, log_later=tmp_path / "later")
    assert caught.value.problems[0].hint == f"its log is {tmp_path / 'later'}"

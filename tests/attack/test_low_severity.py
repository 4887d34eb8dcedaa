"""What fills up, or holds for years, has an end on both control planes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.embedded.flags import COMPONENTS, processes
from sovereign_ai.cluster.kind.config import kind_config
from sovereign_ai.cluster.state import LISTENERS, ClusterDir
from sovereign_ai.sim.kubelet import account
from tests.rules.test_residency_by_default import described

# Megabytes a file, files that are kept, and days.
AUDIT_LOG = {"audit-log-maxsize": 100, "audit-log-maxbackup": 10, "audit-log-maxage": 366}
PROFILING = "profiling"


def embedded(tmp_path: Path) -> dict[str, str]:
    """Return the flags of the embedded plane's API server."""
    ports = {listener: 20_000 + index for index, listener in enumerate(LISTENERS)}
    programs = {name: tmp_path / name for name in COMPONENTS}
    listed = {process.name: process for process in processes(ClusterDir("lab", tmp_path), ports, programs)}
    flags = [word for word in listed["kube-apiserver"].argv if word.startswith("--")]
    return dict(flag.removeprefix("--").partition("=")[::2] for flag in flags)


def kind(_tmp_path: Path) -> dict[str, str]:
    """Return the flags of the kind plane's API server."""
    factory, derived, _ = described()
    document: dict[str, Any] = yaml.safe_load(kind_config(factory, derived, "lab"))
    patches = [yaml.safe_load(text) for text in document["kubeadmConfigPatches"]]
    (cluster,) = (patch for patch in patches if patch["kind"] == "ClusterConfiguration")
    return {argument["name"]: argument["value"] for argument in cluster["apiServer"]["extraArgs"]}


PLANES = {"embedded": embedded, "kind": kind}


@pytest.mark.parametrize("flag", AUDIT_LOG)
@pytest.mark.parametrize("plane", PLANES)
def test_the_audit_log_has_a_size_a_number_of_files_and_an_age(plane: str, flag: str, tmp_path: Path) -> None:
    assert 1 <= int(PLANES[plane](tmp_path)[flag]) <= AUDIT_LOG[flag]


@pytest.mark.parametrize("plane", PLANES)
def test_nobody_profiles_the_api_server(plane: str, tmp_path: Path) -> None:
    assert PLANES[plane](tmp_path)[PROFILING] == "false"


def test_the_agents_token_ends_within_a_month() -> None:
    asked: list[int] = []

    class Api:
        """Notes for how long a token is asked for."""

        def apply(self, *_args: Any, **_more: Any) -> None:
            """Store nothing."""

        def request(self, _method: str, _path: str, body: dict[str, Any]) -> dict[str, Any]:
            """Give a token."""
            asked.append(body["spec"]["expirationSeconds"])
            raise StopIteration

    with pytest.raises(StopIteration):
        account.make(Api(), Path(), Path())  # type: ignore[arg-type]
    assert 0 < asked[0] <= 31 * 24 * 3600


@pytest.mark.parametrize("plane", PLANES)
def test_a_plane_still_writes_down_what_is_done(plane: str, tmp_path: Path) -> None:
    assert PLANES[plane](tmp_path)["audit-log-path"]
    assert PLANES[plane](tmp_path)["audit-policy-file"]

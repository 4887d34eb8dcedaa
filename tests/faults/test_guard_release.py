"""The policies stay guarded unless `down` really removes them, whatever ends it. On a real control plane."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError
from sovereign_ai.cluster.guard import GUARDED
from sovereign_ai.cluster.guard_record import guard_file, read_record, record_file
from sovereign_ai.cluster.guard_release import released
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.deploy.engine.runs import Engine
from sovereign_ai.deploy.state.pulumi_environment import pulumi_state
from tests.faults.stand import LAB_OBJECTS
from tests.life import Lab, within

pytestmark = pytest.mark.cluster
ADMISSION = "/apis/admissionregistration.k8s.io/v1"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("guard"))
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()


def unguarded(api: Api) -> list[str]:
    """Name the kinds of which the API server would delete an object of ours now."""
    found = []
    for kind, resource in GUARDED.items():
        name = next(one["metadata"]["name"] for one in api.list("admissionregistration.k8s.io/v1", kind))
        try:
            api.request(
                "DELETE",
                f"{ADMISSION}/{resource}/{name}",
                {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]},
            )
        except ApiError as error:
            if "is guarded" in str(error):
                continue
            raise
        found.append(kind)
    return found


def place(lab: Lab) -> ClusterDir:
    return ClusterDir("lab", lab.kubeconfig.parent)


def test_a_down_that_is_refused_because_of_a_lock_leaves_them_guarded(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", lab.env["XDG_STATE_HOME"])
    assert pulumi_state().is_dir()
    engine = Engine(lab.stack, "lab", None, lambda _line: None)
    with engine.hold("test"):
        refused = lab.on_plane("down", "--keep-cluster", code=3)
        assert refused["problems"][0]["code"] == "stack-busy"
        assert unguarded(lab.api) == []
    assert lab.is_fine()


def down(lab: Lab) -> subprocess.Popen[str]:
    """Begin to remove the lab, in a session of its own."""
    command = [sys.executable, "-m", "sovereign_ai.cli", "down", str(lab.stack), "--keep-cluster"]
    return subprocess.Popen(
        command,
        env=lab.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_a_down_that_is_ended_while_the_engine_deletes_leaves_them_guarded(
    lab: Lab, number: signal.Signals
) -> None:
    with down(lab) as process:
        for line in process.stdout or ():
            if " delete " in line:
                os.killpg(process.pid, number)
                break
        process.communicate(timeout=120)
    assert process.returncode in {130, -signal.SIGKILL}
    assert unguarded(lab.api) == []
    lab.on_plane("up")
    assert lab.verify() == []


def test_a_down_that_fails_leaves_them_guarded(lab: Lab) -> None:
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    path = "/apis/scheduling.k8s.io/v1/priorityclasses/sovereign-training"
    lab.api.request("PATCH", path, held, {"fieldManager": "somebody"}, "application/merge-patch+json")
    failed = lab.on_plane("down", "--keep-cluster", "--wait", "3", code=4)
    assert failed["problems"][0]["field"] == "PriorityClass/sovereign-training"
    assert unguarded(lab.api) == []
    lab.api.request(
        "PATCH", path, {"metadata": {"finalizers": []}}, content_type="application/merge-patch+json"
    )
    lab.on_plane("up")
    assert lab.verify() == []


def test_what_a_killed_command_left_open_is_closed_by_the_next_one_whichever_it_is(lab: Lab) -> None:
    for command in ("preview", "verify", "up"):
        pid = os.fork()
        if not pid:
            with released(place(lab), lab.api):
                os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(pid, 0)
        assert unguarded(lab.api) == list(GUARDED)
        lab.on_plane(command)
        assert unguarded(lab.api) == []


@pytest.mark.parametrize(
    "content", [b"", b'{"apiVersion": "v1", "items": [{"apiV', b"{}"], ids=["empty", "truncated", "no list"]
)
def test_a_damaged_file_is_written_anew_by_the_next_command(lab: Lab, content: bytes) -> None:
    guard_file(place(lab)).write_bytes(content)
    lab.on_plane("preview")
    assert within(30, lambda: unguarded(lab.api) == [])


def test_a_damaged_file_is_written_anew_before_the_api_server_starts(lab: Lab) -> None:
    lab.call("cluster", "down", "lab", "--keep-data")
    guard_file(place(lab)).write_bytes(b"")
    lab.cluster("up")
    assert unguarded(lab.api) == []


def test_where_nothing_says_what_the_file_must_be_that_is_said_and_up_writes_it(lab: Lab) -> None:
    kept = read_record(place(lab))
    assert kept is not None
    record_file(place(lab)).unlink()
    guard_file(place(lab)).write_bytes(b"{")
    command = [sys.executable, "-m", "sovereign_ai.cli", "preview", str(lab.stack)]
    done = subprocess.run(command, env=lab.env, capture_output=True, text=True, check=False)
    assert "may be unguarded" in done.stderr
    lab.on_plane("up")
    assert unguarded(lab.api) == []
    again = read_record(place(lab))
    assert again is not None
    assert again.content == kept.content


def test_a_whole_down_removes_them_all_and_leaves_nothing_guarded(lab: Lab) -> None:
    gone = lab.on_plane("down", "--keep-cluster")
    assert gone["changes"] == {"delete": LAB_OBJECTS}
    for kind in GUARDED:
        assert lab.api.list("admissionregistration.k8s.io/v1", kind) == []
    assert lab.on_plane("down", "--keep-cluster").get("changes", {}) == {}
    began = time.monotonic()
    lab.on_plane("up")
    assert unguarded(lab.api) == [], f"after {time.monotonic() - began:.0f} s"

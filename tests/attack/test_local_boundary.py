"""Another account of the machine, against every listener, socket, file and process of a plane and a
deployment.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import language_pb2, provider_pb2

from sovereign_ai.cluster.api.client import open_cluster
from sovereign_ai.cluster.embedded.lifecycle import status
from sovereign_ai.toolchain.cache import cache_dir
from tests.attack.conftest import NAME, Attacked
from tests.attack.listening import Listener, listening, name_of
from tests.attack.other_account import intrude

pytestmark = pytest.mark.cluster

ANSWERED_WITHIN = 20
"""Seconds in which our own account is answered, also on a machine that is busy."""

DOCS = Path(__file__).resolve().parents[2] / "docs" / "security.md"
OURS = {"language host", "provider of hosts", "program", "policy pack"}
"""Servers in clear that Pulumi's engine must reach."""
CLOSED_BY_TLS = {
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "operator",
    "secret gate",
}
HARMLESS = (
    "/pulumirpc.LanguageRuntime/GetPluginInfo",
    "/pulumirpc.ResourceProvider/GetPluginInfo",
    "/pulumirpc.Analyzer/GetPluginInfo",
    "/pulumirpc.Callbacks/Invoke",
    "/pulumirpc.Engine/GetRootResource",
    "/pulumirpc.ResourceMonitor/SupportsFeature",
    "/etcdserverpb.KV/Range",
    "/sovereign_ai.SecretGate/Taken",
)
TLS_ONLY = "Client sent an HTTP request to an HTTPS server"
"""What Go's servers say in clear to whoever speaks no TLS; it tells nothing."""


def documented() -> set[str]:
    """Read in the documentation whose ports stay open to other accounts."""
    section = DOCS.read_text(encoding="utf-8").partition("### Ports that stay open")[2].partition("\n#")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE))


def answered(got: dict[str, Any]) -> bool:
    """Tell whether a listener gave anything beyond a TLS handshake, 401 or 403."""
    clear = [text for text in got["clear"].values() if TLS_ONLY not in text]
    return bool(clear) or bool(set(got["tls"].values()) - {401, 403})


def tcp(attacked: Attacked) -> list[Listener]:
    return [each for each in listening(attacked.pids()) if each.kind == "tcp"]


def unix(attacked: Attacked) -> list[Listener]:
    return [each for each in listening(attacked.pids()) if each.kind == "unix"]


def with_messages(*calls: str, **messages: bytes) -> list[tuple[str, str]]:
    return [(path, messages.get(path.rpartition("/")[2], b"").hex()) for path in calls]


def test_every_process_that_should_listen_does(attacked: Attacked) -> None:
    names = {each.process for each in listening(attacked.pids())}
    assert names == OURS | CLOSED_BY_TLS | documented() | {"key service"}


def test_no_listener_answers_another_account_but_those_that_the_documentation_names(
    attacked: Attacked,
) -> None:
    found = tcp(attacked)
    got = intrude(
        listeners={"ports": [int(each.address) for each in found], "calls": with_messages(*HARMLESS)}
    )["listeners"]
    open_ones = {each.process: got[each.address] for each in found if answered(got[each.address])}
    assert set(open_ones) == documented(), open_ones


def test_the_same_calls_by_our_own_account_are_answered(attacked: Attacked) -> None:
    found = [each for each in tcp(attacked) if each.process in OURS]
    ports = [int(each.address) for each in found]
    task = {"ports": ports, "calls": with_messages(*HARMLESS), "patience": ANSWERED_WITHIN}
    got = intrude(own=True, listeners=task)["listeners"]
    for each in found:
        assert set(got[each.address]["clear"]) == {*HARMLESS, "GET", "mapped"}, each
    assert status(NAME).healthy, "the supervisor's certificate reaches every component"
    assert open_cluster(attacked.cluster.kubeconfig).identity()


def test_nothing_listens_beyond_loopback_or_by_udp_or_without_a_file(attacked: Attacked) -> None:
    assert not [
        each for each in listening(attacked.pids()) if each.kind == "udp" or each.address.startswith("@")
    ]
    named = [each for each in unix(attacked) if Path(each.address).exists()]
    assert {each.process for each in named} == {"key service"}
    assert all(each.address.startswith(str(attacked.where.folder)) for each in named)
    ports = {int(each.address) for each in tcp(attacked)}
    hosts = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/self/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            host, _, port = fields[1].rpartition(":")
            if fields[3] == "0A" and int(port, 16) in ports:
                hosts.add(host)
    assert hosts <= {"0100007F", "0000000000000000FFFF00000100007F"}, (
        "127.0.0.1, and the same as an IPv4-mapped address"
    )


def test_unix_sockets_are_reached_by_our_own_account_alone(attacked: Attacked) -> None:
    named = [each.address for each in unix(attacked) if each.process == "key service"]
    assert len(named) == 2, "the plane's key and the level's"
    # A socket whose name is gone is still reached through the descriptors of the process that holds it.
    unnamed = [
        f"/proc/{pid}/fd/{descriptor}"
        for pid in attacked.pids()
        if name_of(pid) in OURS
        for descriptor in range(3, 40)
    ]
    reached = intrude(own=True, sockets={"paths": named + unnamed})["sockets"]
    assert reached[:2] == named
    assert len(reached) >= 2 + len(OURS)
    assert intrude(sockets={"paths": named + unnamed})["sockets"] == []


@pytest.fixture
def evil(attacked: Attacked) -> Path:
    """A program of the attacker's that leaves a mark, where everybody can read it."""
    folder = attacked.root / "evil"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    (folder / "__main__.py").write_text("import pathlib\npathlib.Path(__file__).with_name('mark').touch()\n")
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\n")
    return folder


def test_no_program_is_started_for_another_account(attacked: Attacked, evil: Path) -> None:
    info = language_pb2.ProgramInfo(root_directory=str(evil), program_directory=str(evil), entry_point=".")
    plugin = language_pb2.RunPluginRequest(pwd=str(evil), kind="resource", info=info).SerializeToString()
    run = language_pb2.RunRequest(pwd=str(evil), info=info).SerializeToString()
    calls = with_messages(
        "/pulumirpc.LanguageRuntime/RunPlugin", "/pulumirpc.LanguageRuntime/Run", RunPlugin=plugin, Run=run
    )
    ports = [int(each.address) for each in tcp(attacked) if each.process in OURS]
    got = intrude(listeners={"ports": ports, "calls": calls})["listeners"]
    assert not any(got[str(port)]["clear"] for port in ports)
    assert not (evil / "mark").exists()
    assert (attacked.root / "pack" / "ran").exists(), "what the command line named was started"


def test_our_own_account_starts_what_the_command_line_named_and_nothing_else(
    attacked: Attacked, evil: Path
) -> None:
    host = [int(each.address) for each in tcp(attacked) if each.process == "language host"]

    def run(folder: Path, held: float = 2) -> str:
        info = language_pb2.ProgramInfo(
            root_directory=str(folder), program_directory=str(folder), entry_point="."
        )
        message = language_pb2.RunPluginRequest(
            pwd=str(folder), kind="resource", info=info
        ).SerializeToString()
        calls = with_messages("/pulumirpc.LanguageRuntime/RunPlugin", RunPlugin=message)
        task = {"ports": host, "calls": calls, "patience": ANSWERED_WITHIN, "held": held}
        clear = intrude(own=True, listeners=task)["listeners"][str(host[0])]["clear"]
        return str(clear["/pulumirpc.LanguageRuntime/RunPlugin"])

    assert "neither the command line nor the project" in run(evil)
    assert not (evil / "mark").exists()
    (attacked.root / "pack" / "ran").unlink()
    assert "neither the command line nor the project" not in run(attacked.root / "pack", held=20)
    # The call was held open until its program had time to get so far: the host ends it with the call.
    assert (attacked.root / "pack" / "ran").exists()


def test_another_account_ends_nothing(attacked: Attacked) -> None:
    before = attacked.pids()
    # The engine starts programs that end by themselves, such as `git`: only what stays counts.
    time.sleep(5)
    before &= attacked.pids()
    message = provider_pb2.CreateRequest(
        urn="urn:pulumi:a::b::sovereign-hosts:index:HostConfiguration::c"
    ).SerializeToString()
    providers = ("/pulumirpc.ResourceProvider/Cancel", "/pulumirpc.ResourceProvider/Create")
    calls = with_messages("/pulumirpc.LanguageRuntime/Cancel", *providers, Create=message)
    intrude(
        listeners={
            "ports": [int(each.address) for each in tcp(attacked) if each.process in OURS],
            "calls": calls,
        }
    )
    assert attacked.pids() >= before
    assert attacked.engine.poll() is None


def test_another_account_reads_and_writes_no_file_of_state(attacked: Attacked) -> None:
    got = intrude(files={"roots": [str(attacked.state)], "sought": attacked.secrets})["files"]
    assert got == {"listed": [], "read": [], "written": [], "holding": []}, (
        "not even the folder that XDG_STATE_HOME names"
    )
    own = intrude(own=True, files={"roots": [str(attacked.state)], "sought": attacked.secrets})["files"]
    assert len(own["read"]) > 50
    assert own["holding"], "the secrets are there to be found"


def test_beside_the_state_nothing_holds_a_secret_or_can_be_written(attacked: Attacked, evil: Path) -> None:
    """Home, the stack's folder and the folder of temporary files are open to all here."""
    got = intrude(files={"roots": [str(attacked.root)], "sought": attacked.secrets})["files"]
    assert got["holding"] == []
    users_own = (str(evil), str(attacked.stack), str(attacked.root / "pack"))
    assert [path for path in got["written"] if not path.startswith(users_own)] == [str(attacked.root / "tmp")]
    assert str(attacked.stack / "__main__.py") in got["read"], "the walk gets that far"


def test_state_and_cache_belong_to_us_and_their_modes_close_them(attacked: Attacked) -> None:
    for root in (attacked.state / "sovereign-ai", cache_dir()):
        assert root.lstat().st_uid == os.geteuid()
        assert root.stat().st_mode & 0o077 == 0
    # A root file system has folders that its own accounts may write; the cache around it is closed.
    systems = cache_dir() / "hosts"
    writable = [
        path
        for root in (attacked.where.folder, cache_dir())
        for path in (root, *root.rglob("*"))
        if systems not in path.parents
        if not path.is_symlink() and (path.lstat().st_uid != os.geteuid() or path.lstat().st_mode & 0o022)
    ]
    assert writable == []
    assert [
        path
        for path in attacked.where.folder.rglob("*")
        if not path.is_symlink() and path.lstat().st_mode & 0o077
    ] == []


def test_processes_show_no_secret_and_are_closed(attacked: Attacked) -> None:
    pids = sorted(attacked.pids())
    got = intrude(processes={"pids": pids, "sought": attacked.secrets})["processes"]
    assert got == {"holding": [], "open": []}
    own = intrude(own=True, processes={"pids": pids, "sought": attacked.secrets})["processes"]
    assert len(own["open"]) > 5 * len(pids)

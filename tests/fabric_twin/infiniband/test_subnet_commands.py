"""The programs that an InfiniBand twin runs, answered by a test instead of ibsim."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.errors import DeploymentError, EnvironmentLacksError
from sovereign_ai.fabric_twin import twin as twin_module
from sovereign_ai.fabric_twin.infiniband import subnet as subnet_module
from sovereign_ai.fabric_twin.infiniband.ibsim_net import net, net_file
from sovereign_ai.fabric_twin.infiniband.subnet import RunningSubnet, require_ibsim
from tests.fabric_twin.infiniband.small import small


@pytest.fixture
def subnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunningSubnet:
    monkeypatch.setattr(subnet_module, "STATE", tmp_path / "state")
    monkeypatch.setattr(subnet_module, "MEMORY", tmp_path / "memory")
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(subnet_module, "preload_library", lambda: Path("/lib/umad2sim.so"))
    factory, plan = small(tmp_path)
    return RunningSubnet.of(net(factory, plan, plan.fabrics[0]))


def test_answers_keep_the_order_of_their_questions_and_failures_are_empty(
    subnet: RunningSubnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    shells: list[str] = []

    def run(words: list[str], **more: Any) -> subprocess.CompletedProcess[bytes]:
        assert words == ["ip", "netns", "exec", subnet.namespace, "sh"]
        shells.append(more["feed"].decode())
        return subprocess.run(["sh"], input=more["feed"], capture_output=True, check=False)

    monkeypatch.setattr(subnet_module, "captured", run)
    questions = [("echo", f"it's {number}") if number % 3 else ("false",) for number in range(7)]
    assert subnet.ask_all(questions) == [f"it's {number}\n" if number % 3 else "" for number in range(7)]
    assert len(shells) == 2
    assert shlex.quote("it's 2") in shells[0]
    assert subnet.ask_all([]) == []


def test_the_files_of_ibsim_and_opensm_are_those_of_the_twin(subnet: RunningSubnet) -> None:
    subnet._write()
    assert (subnet.folder / "net").read_text(encoding="ascii") == net_file(subnet.net)
    assert (subnet.folder / "partitions.conf").read_text(encoding="ascii") == subnet.net.partitions
    lines = (subnet.folder / "opensm.conf").read_text(encoding="ascii").splitlines()
    assert lines[-3:] == [
        f"partition_config_file {subnet.folder}/partitions.conf",
        f"log_file {subnet.folder}/opensm.log",
        "force_log_flush TRUE",
    ]
    assert (subnet.folder / "console").is_fifo()


def test_tools_run_in_memory_that_goes_with_the_twin_and_else_in_its_folder(
    subnet: RunningSubnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subnet._write()
    place = subnet._scratch.resolve()
    assert place.parent == tmp_path / "memory"
    assert place.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(twin_module, "STATE", tmp_path / "state")
    monkeypatch.setattr(twin_module, "list_namespaces", lambda _: [])
    twin_module.down(subnet.net.factory)
    assert not place.exists()
    assert not subnet.folder.exists()
    (tmp_path / "memory").rmdir()
    subnet._write()
    assert subnet._scratch.resolve().parent == subnet.folder


def test_many_queries_are_of_several_shells_and_one_without_end_is_an_error(
    subnet: RunningSubnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subnet_module, "_MOST_IN_SHELL", 3)
    shells = []

    def run(_: list[str], **more: Any) -> subprocess.CompletedProcess[bytes]:
        shells.append(more["feed"])
        return subprocess.run(["sh"], input=more["feed"], capture_output=True, check=False)

    monkeypatch.setattr(subnet_module, "captured", run)
    questions = [("echo", str(number)) for number in range(11)]
    assert subnet.ask_all(questions) == [f"{number}\n" for number in range(11)]
    # Six queries and five, of at most three a shell.
    assert len(shells) == 4

    def endless(words: list[str], **more: Any) -> subprocess.CompletedProcess[bytes]:
        raise subprocess.TimeoutExpired(words, more["seconds"])

    monkeypatch.setattr(subnet_module, "captured", endless)
    with pytest.raises(DeploymentError, match="queries of the subnet took more than 600 s"):
        subnet.ask_all(questions)


def test_only_tools_are_redirected_to_ibsim(subnet: RunningSubnet) -> None:
    tool, ibsim = subnet._environment(preload=True), subnet._environment(preload=False)
    assert tool["LD_PRELOAD"] == "/lib/umad2sim.so"
    assert {key: value for key, value in tool.items() if key != "LD_PRELOAD"} == ibsim
    assert ibsim["SIM_HOST"] == subnet.net.node_id(subnet.net.manager)


def test_a_sweep_signals_opensm_alone_and_waits_for_its_end(
    subnet: RunningSubnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    subnet.folder.mkdir(parents=True)
    log = subnet.folder / "opensm.log"
    assert subnet._sweeps() == 0
    log.write_text("SUBNET UP\n")
    mine = os.getpid()
    monkeypatch.setattr(subnet_module, "processes", lambda _namespace: [mine])
    signals: list[tuple[int, int]] = []

    def kill(pid: int, number: int) -> None:
        signals.append((pid, int(number)))
        log.write_text("SUBNET UP\nSUBNET UP\n")

    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(subnet_module, "LONGEST_SWEEP", 0.0)
    with pytest.raises(DeploymentError, match="OpenSM did not finish a sweep"):
        subnet.sweep()
    assert signals == []
    comm = Path(f"/proc/{mine}/comm")
    before = comm.read_text(encoding="ascii")
    comm.write_text("opensm", encoding="ascii")
    try:
        assert subnet.sweep() >= 0
    finally:
        comm.write_text(before, encoding="ascii")
    assert signals == [(mine, 1)]


def test_missing_programs_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subnet_module, "preload_library", lambda: None)
    monkeypatch.setattr(subnet_module.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(subnet_module.shutil, "which", lambda *_words, **_more: None)
    with pytest.raises(EnvironmentLacksError) as error:
        require_ibsim()
    hints = {problem.code: problem.hint for problem in error.value.problems}
    assert set(hints) == {"not-root", "no-infiniband", "no-iproute2"}
    assert hints["no-infiniband"] == "apt-get install ibsim-utils infiniband-diags libumad2sim0 opensm"


def test_the_last_routing_engine_that_filled_the_tables_counts(subnet: RunningSubnet) -> None:
    subnet.folder.mkdir(parents=True)
    log = subnet.folder / "opensm.log"
    assert subnet.routing == ""
    log.write_text("x 0x02 -> osm_ucast_mgr_process: ftree tables configured on all switches\n")
    assert subnet.routing == "ftree"
    with log.open("a") as more:
        more.write("x 0x01 -> ucast_mgr_route: ftree: cannot build lid matrices\n")
        more.write("x 0x02 -> osm_ucast_mgr_process: updn tables configured on all switches\n")
    assert subnet.routing == "updn"

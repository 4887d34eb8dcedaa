"""The programs that a twin runs and the tables that it reads, answered by a test instead of a kernel."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.errors import DeploymentError, EnvironmentLacksError
from sovereign_ai.fabric_twin import twin as twin_module
from sovereign_ai.fabric_twin.sample import Sample, choose_sample
from sovereign_ai.fabric_twin.twin import Twin, down, require_frr
from tests.render.lab import stack


@pytest.fixture(scope="module")
def lab() -> Sample:
    return choose_sample(*stack("lab"))


@pytest.fixture
def twin(lab: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Twin:
    monkeypatch.setattr(twin_module, "STATE", tmp_path / "state")
    monkeypatch.setattr(twin_module, "DAEMONS", tmp_path / "daemons")
    return Twin.of_sample(lab)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every program that is run."""
    given: list[list[str]] = []
    monkeypatch.setattr(twin_module, "run", lambda words, **_more: given.append(words) or "")
    return given


def test_a_switch_runs_its_daemons_in_its_namespace_without_configuration(
    twin: Twin, programs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "chown", lambda *_words: None)
    monkeypatch.setattr(
        twin_module, "frr", lambda switch: "\nip route 0.0.0.0/0" * (switch.switch.tier == "spine")
    )
    twin.folder.mkdir(parents=True)
    leaf, spine = twin.sample.parts[0].tier("leaf")[0], twin.sample.parts[0].tier("spine")[0]
    twin.start(leaf)
    folder = twin.folder / leaf.switch.name
    bfdd = next(words for words in programs if words[4].endswith("/bfdd"))
    assert bfdd == [
        *("ip", "netns", "exec", twin.name(leaf.switch.name), str(twin_module.DAEMONS / "bfdd")),
        *("-d", "-u", "frr", "-g", "frr", "-P", "0", "-f", "/dev/null", "-i", str(folder / "bfdd.pid")),
        *(
            "-z",
            str(folder / "zserv.api"),
            "--vty_socket",
            str(folder),
            "--bfdctl",
            str(folder / "bfdd.sock"),
        ),
    ]
    assert [Path(words[4]).name for words in programs] == ["zebra", "bgpd", "bfdd"]
    assert sum("--bfdctl" in words for words in programs) == 1
    programs.clear()
    twin.start(spine)
    assert [Path(words[4]).name for words in programs] == ["zebra", "bgpd", "bfdd", "staticd"]


def test_commands_for_vtysh_are_given_one_by_one(twin: Twin, programs: list[list[str]]) -> None:
    twin.run_vtysh("leaf", "show bgp", "show bfd")
    assert programs == [
        ["vtysh", "--vty_socket", str(twin.folder / "leaf"), "-c", "show bgp", "-c", "show bfd"]
    ]


@pytest.mark.parametrize(
    ("rows", "paths"),
    [
        ([], []),
        ([{"dst": "x", "dev": "swp1"}], ["swp1"]),
        ([{"dst": "x", "nexthops": [{"dev": "swp2"}, {"dev": "swp1", "flags": []}]}], ["swp1", "swp2"]),
        ([{"nexthops": [{"dev": "swp1", "flags": ["dead"]}, {"dev": "swp2"}]}], ["swp2"]),
        ([{"dev": "swp1", "flags": ["linkdown"]}], []),
    ],
)
def test_paths_are_the_next_hops_of_a_route_whose_links_are_up(
    twin: Twin, monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]], paths: list[str]
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(twin_module, "query_table", lambda *words: asked.append(words) or rows)
    first, second = twin.sample.parts[0].tier("leaf")[:2]
    assert twin.paths(first.switch.name, second.switch.name) == paths
    assert asked == [(twin.name(first.switch.name), "-4", "route", "show", second.switch.loopback)]


class Routes:
    """The tables of leaves whose every uplink is a path, and whose segments know each other."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.leaves = {twin.name(leaf.switch.name): leaf for leaf in twin.sample.parts[0].tier("leaf")}
        self.short: set[str] = set()
        self.deaf: set[str] = set()
        self.booting: set[str] = set()

    def ask(self, namespace: str, *_words: str, program: str = "ip") -> list[dict[str, Any]]:
        leaf = self.leaves[namespace]
        others = [other for other in self.leaves.values() if other is not leaf]
        if program == "bridge":
            segment = {"ifname": f"vni{leaf.zones[0].number}", "mac": "00:00:00:00:00:00"}
            rows = [segment | {"dst": other.switch.loopback} for other in others]
            known = [] if namespace in self.booting else rows[namespace in self.deaf :]
            host = {"ifname": segment["ifname"], "mac": "02:00:00:00:00:01", "dst": "other"}
            return [*known, host, {"ifname": "vni1", "mac": segment["mac"], "dst": "of another segment"}]
        hops = [{"dev": port.interface} for port in leaf.fabric][namespace in self.short :]
        rows = [{"dst": other.switch.loopback, "nexthops": hops} for other in others]
        return [*rows, {"gateway": "no destination"}]


def test_a_plane_is_ready_when_leaves_have_all_paths_and_know_each_others_segments(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = Routes(twin)
    monkeypatch.setattr(twin_module, "query_table", routes.ask)
    part = twin.sample.parts[0]
    assert twin.ready(part)
    name = next(iter(routes.leaves))
    routes.short.add(name)
    assert not twin.ready(part)
    routes.short.clear()
    routes.deaf.add(name)
    assert not twin.ready(part)
    monkeypatch.setattr(twin_module.time, "sleep", lambda _seconds: None)
    with pytest.raises(DeploymentError, match="did not converge; paths and EVPN peers missing: 1,"):
        twin.converge(0.0)
    routes.booting.add(name)
    assert twin.lacking(part) == len(routes.leaves) - 1


def test_a_fabric_that_learns_slowly_is_waited_for_as_long_as_it_learns(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(twin_module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(twin_module.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    looks: list[int] = []

    def lacking(_twin: Twin, _part: object) -> int:
        # Every look takes a minute, and the fabric learns one path meanwhile.
        clock[0] += 60.0
        looks.append(len(looks))
        return max(0, 20 - len(looks))

    monkeypatch.setattr(Twin, "lacking", lacking)
    assert twin.converge(90.0) > 20 * 60.0
    monkeypatch.setattr(Twin, "lacking", lambda _twin, _part: clock.__setitem__(0, clock[0] + 60.0) or 1)
    with pytest.raises(DeploymentError, match="none learned in 90 s"):
        twin.converge(90.0)


def test_what_a_machine_lacks_is_a_problem_each(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    with pytest.raises(EnvironmentLacksError) as error:
        require_frr()
    assert {problem.code for problem in error.value.problems} == {"not-root", "no-frr", "no-iproute2"}
    twin_module.DAEMONS.mkdir()
    (twin_module.DAEMONS / "zebra").touch()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda program: program)
    with pytest.raises(EnvironmentLacksError) as error:
        require_frr()
    assert [problem.code for problem in error.value.problems] == ["no-frr-reload"]


def test_removal_ends_processes_before_their_namespaces_and_counts_all(
    twin: Twin, programs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[tuple[Any, ...]] = []
    living = {"twin-lab.a": [11, 12], "twin-lab.b": [13]}
    monkeypatch.setattr(
        twin_module, "list_namespaces", lambda prefix: [name for name in living if name.startswith(prefix)]
    )
    monkeypatch.setattr(twin_module, "processes", living.get)

    def kill(pid: int, number: int) -> None:
        order.append((pid, int(number)))
        if pid == 12:
            raise ProcessLookupError

    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(twin_module, "run", lambda words, **_more: order.append(tuple(words)))
    (twin.folder / "leaf").mkdir(parents=True)
    (twin.folder / "leaf" / "bgpd.pid").touch()
    (twin.folder / "planes").touch()
    assert down("lab") == {"namespaces": 2, "processes": 3, "files": 2}
    assert not twin_module.STATE.exists()
    assert [step[0] for step in order] == [11, 11, 12, 12, 13, 13, "ip", "ip"]
    assert down("other") == {"namespaces": 0, "processes": 0, "files": 0}


def test_a_twin_of_other_planes_or_a_half_built_one_is_not_this_one(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twin_module, "list_namespaces", lambda _prefix: [])
    assert not twin.is_deployed
    monkeypatch.setattr(twin_module, "list_namespaces", lambda _prefix: ["twin-lab.a"])
    for text in (None, "compute-fra1-p0"):
        if text is not None:
            twin.folder.mkdir(parents=True)
            (twin.folder / "planes").write_text(text)
        with pytest.raises(EnvironmentLacksError, match="other-twin"):
            assert twin.is_deployed
    (twin.folder / "planes").write_text(" ".join(twin.sample.planes))
    assert twin.is_deployed


def test_a_twin_that_fails_in_any_step_is_removed(
    lab: Sample, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []
    monkeypatch.setattr(twin_module, "require_frr", lambda: None)
    monkeypatch.setattr(twin_module, "list_namespaces", lambda _prefix: [])
    monkeypatch.setattr(twin_module, "wire", lambda _sample, _prefix: None)
    monkeypatch.setattr(Twin, "start", lambda _self, _switch: None)
    monkeypatch.setattr(twin_module, "daemons_of", lambda _switch: [])

    def remove(factory: str) -> dict[str, int]:
        removed.append(factory)
        shutil.rmtree(twin.folder, ignore_errors=True)
        return {"namespaces": 0, "processes": 0, "files": 0}

    monkeypatch.setattr(twin_module, "down", remove)
    lines: list[str] = []

    def configure(*_given: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Twin.up(lab, lines.append, configure)
    assert removed == ["lab", "lab"], "what an earlier twin left, and what this one built"
    assert len(lines) == 2
    monkeypatch.setattr(Twin, "converge", lambda _self: 0.0)
    built = Twin.up(lab, lines.append, lambda *_given: None)
    assert list(built.seconds) == ["wired", "started", "configured", "converged"]
    assert removed == ["lab"] * 3


def test_what_a_killed_twin_left_is_removed_and_the_next_one_is_built(
    lab: Sample, twin: Twin, programs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twin_module, "require_frr", lambda: None)
    monkeypatch.setattr(twin_module, "list_namespaces", lambda _prefix: [])
    monkeypatch.setattr(twin_module, "wire", lambda _sample, _prefix: None)
    monkeypatch.setattr(Twin, "start", lambda _self, _switch: None)
    monkeypatch.setattr(twin_module, "daemons_of", lambda _switch: [])
    monkeypatch.setattr(Twin, "converge", lambda _self: 0.0)
    stale = twin.folder / "leaf-of-before"
    stale.mkdir(parents=True)
    (stale / "bgpd.pid").write_text("no number")
    lines: list[str] = []
    Twin.up(lab, lines.append, lambda *_given: None)
    assert lines[0] == "removed the files and daemons that an earlier twin left"
    assert not stale.exists()
    assert twin.folder.is_dir()
    assert programs == []


def test_daemons_that_fall_at_each_configuration_are_a_failure_that_names_them(
    lab: Sample, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twin_module, "require_frr", lambda: None)
    monkeypatch.setattr(twin_module, "list_namespaces", lambda _prefix: [])
    monkeypatch.setattr(twin_module, "wire", lambda _sample, _prefix: None)
    monkeypatch.setattr(twin_module, "daemons_of", lambda _switch: ["bgpd"])
    monkeypatch.setattr(twin_module, "processes", lambda _namespace: [])
    started: list[str] = []

    def start(self: Twin, switch: str, daemon: str) -> None:
        folder = self.folder / switch
        folder.mkdir(exist_ok=True)
        (folder / f"{daemon}.pid").write_text("1", encoding="ascii")
        started.append(switch)

    monkeypatch.setattr(Twin, "_start_daemon", start)
    monkeypatch.setattr(Twin, "start", lambda self, switch: start(self, switch.switch.name, "bgpd"))
    configured: list[str] = []
    with pytest.raises(DeploymentError, match=f"bgpd of {lab.switches[0].switch.name}"):
        Twin.up(lab, lambda _line: None, lambda *_given: configured.append("all"))
    assert len(configured) == twin_module.MOST_CONFIGURATIONS
    assert len(started) == len(lab.switches) * (1 + twin_module.MOST_CONFIGURATIONS)


def test_a_daemon_that_outlived_its_namespace_ends_and_no_other_program_with_its_number(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twin_module, "list_namespaces", lambda _prefix: [])
    folder = twin.folder / "leaf"
    folder.mkdir(parents=True)
    sleep = "import time; time.sleep(60)"
    daemon = subprocess.Popen([sys.executable, "-c", sleep, "-i", str(folder / "zebra.pid")])
    other = subprocess.Popen([sys.executable, "-c", sleep, "-i", str(folder / "else.pid")])
    try:
        (folder / "zebra.pid").write_text(f"{daemon.pid}\n")
        (folder / "bgpd.pid").write_text(f"{other.pid}\n")
        assert down("lab") == {"namespaces": 0, "processes": 1, "files": 2}
        assert daemon.wait(10) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        daemon.kill()
        other.kill()
        daemon.wait()
        other.wait()

"""Hosts through the real Pulumi engine and the provider of our own.

One storage server, and a machine that does not answer.

The tests follow one another, as the runs of one stack do.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import Any

import pytest

from tests.host.conftest import LAB, Program, Said
from tests.host.test_hosts import processes

pytestmark = pytest.mark.host
SERVER, AWAY = "models-fra1-s001", "train-002"
HANGS = 'case "$1" in restart|enable) sleep 4711;; esac; exec /usr/bin/systemctl "$@"'
ARP = "/proc/sys/net/ipv4/conf/all/arp_ignore"


@dataclass
class Stack:
    """The hosts' stack, and the machine that it is about."""

    program: Program

    def __call__(self, verb: str, *more: str) -> Any:
        """Run a command of the program, and give its exit code and document."""
        limits = () if verb == "forget" else ("--limit", SERVER, *more)
        command = [*self.program.command(verb)[:3], str(LAB), *limits, "--json"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=self.program.environment, timeout=300
        )
        assert done.stdout, done.stderr[-2000:]
        return done.returncode, json.loads(done.stdout)

    @property
    def given(self) -> tuple[str, str]:
        return "--given", str(self.program.folder / "hosts.yaml")

    def break_by_hand(self) -> None:
        """Change a kernel parameter and stop a unit, as a person would."""
        self.program.machine(SERVER).ask("/bin/sh", "-c", f"echo 0 > {ARP}; systemctl stop ssh")

    @property
    def parameter(self) -> str:
        return self.program.machine(SERVER).read(ARP).strip()


@pytest.fixture(scope="module")
def hosts(program: Program, again: Said) -> Stack:
    return Stack(program)


@pytest.fixture(scope="module")
def created(hosts: Stack) -> Any:
    """The first `up`, on a machine that differs."""
    hosts.break_by_hand()
    return hosts("up", *hosts.given)


def test_the_first_up_brings_a_machine_to_the_plan(hosts: Stack, created: Any) -> None:
    code, data = created
    assert (code, data["changes"]) == (0, {"create": 1})
    assert hosts.parameter == "1"
    assert hosts.program.machine(SERVER).ask("systemctl", "is-active", "ssh").strip() == "active"


def test_the_state_is_under_the_users_key_and_names_hosts_by_digest_alone(hosts: Stack, created: Any) -> None:
    state = hosts.program.folder / "state" / "sovereign-ai"
    (stack,) = (state / "pulumi" / ".pulumi" / "stacks" / "lab-hosts").glob("lab.hosts.json")
    text = stack.read_text()
    assert f'"{SERVER}"' in text
    assert "ansible" not in text
    assert all(file.stat().st_mode & 0o077 == 0 for file in (state / "hosts" / "inventories").iterdir())


def test_a_preview_of_machines_as_planned_finds_nothing_to_do(hosts: Stack, created: Any) -> None:
    code, data = hosts("preview", *hosts.given)
    assert (code, data["changes"], data["drift"], data["failed"]) == (0, {}, {}, {})


def test_a_preview_of_what_was_changed_by_hand_names_machine_and_task_and_changes_nothing(
    hosts: Stack, created: Any
) -> None:
    hosts.break_by_hand()
    code, data = hosts("preview", *hosts.given)
    assert (code, data["changes"], data["failed"]) == (1, {"update": 1}, {})
    assert data["drift"].keys() == {SERVER}
    assert data["drift"][SERVER] == {
        "baseline: Kernel parameters": "- net.ipv4.conf.all.arp_ignore = 0\n+ net.ipv4.conf.all.arp_ignore = 1\n",  # noqa: E501 - one literal text
        "baseline: Units": "+ systemctl restart ssh.service\n",
    }
    assert hosts.parameter == "0"


def test_an_up_that_is_cancelled_leaves_no_process_behind_here_or_there(hosts: Stack, created: Any) -> None:
    machine = hosts.program.machine(SERVER)
    machine.write("/usr/local/sbin/systemctl", f"#!/bin/sh\n{HANGS}\n")
    machine.ask("chmod", "755", "/usr/local/sbin/systemctl")
    command = [*hosts.program.command("up")[:3], str(LAB), "--limit", SERVER, *hosts.given]
    words = hosts.program.folder / "cancelled.txt"
    with words.open("w") as told:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=told, env=hosts.program.environment
        )
    try:
        while "sleep\0004711" not in processes():
            assert process.poll() is None, words.read_text()
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=90) == 4
        assert f"not brought to the plan: {SERVER}" in words.read_text()
        assert machine.marked() == []
        left = processes()
        for word in ("sleep\0004711", "ansible-playbook", "host_provider", "ControlPath", "lab.hosts"):
            assert word not in left
    finally:
        process.kill()
        process.wait()
        machine.ask("rm", "/usr/local/sbin/systemctl")


def test_a_machine_that_does_not_answer_is_named_and_the_other_is_put_right(
    hosts: Stack, created: Any
) -> None:
    given = json.loads((hosts.program.folder / "hosts.yaml").read_text())
    given["reach"][AWAY] = {"connection": "ssh", "address": "127.0.0.1", "port": 9}
    file = hosts.program.folder / "away.yaml"
    file.write_text(json.dumps(given), encoding="utf-8")
    code, data = hosts("up", "--limit", AWAY, "--budget", "1", "--given", str(file))
    said = [one["message"] for one in data["problems"]]
    assert (code, [line.partition(":")[0] for line in said]) == (4, [f"{AWAY} unreachable"])
    assert hosts.parameter == "1"
    assert hosts.program.machine(SERVER).ask("systemctl", "is-active", "ssh").strip() == "active"


def test_what_is_forgotten_stays_as_it_is(hosts: Stack, created: Any) -> None:
    code, data = hosts("forget")
    assert (code, data["forgotten"]) == (0, 2)
    assert hosts.parameter == "1"
    left = hosts.program.folder / "state" / "sovereign-ai" / "hosts"
    assert list((left / "inventories").iterdir()) == []
    assert not (left / "pulumi" / "lab").exists()

"""Four booted machines of the lab, and the program that configures them.

Whatever is missing is a failure, never a skip.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai.plan.factory import Plan
from tests.host.machines import PREFIX, Machine, Site, left, site
from tests.host.rootfs import need, rootfs
from tests.render.lab import stack

NAMES = ("train-001", "train-002", "serve-001", "models-fra1-s001")
LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
BROKEN = "train-002"


@dataclass(frozen=True)
class Host:
    """What one host's result says."""

    state: str
    changes: list[dict[str, str]]
    failure: str
    notes: list[str]


@dataclass(frozen=True)
class Said:
    """What one run of the program said."""

    code: int
    data: dict[str, Any]

    @property
    def hosts(self) -> dict[str, Host]:
        return {
            one["host"]: Host(one["state"], one["changes"], one["failure"], one["notes"])
            for one in self.data["hosts"]
        }

    @property
    def states(self) -> dict[str, str]:
        return {name: one.state for name, one in self.hosts.items()}


@dataclass(frozen=True)
class Program:
    """The program, with a state folder and a key of the tests' own."""

    site: Site
    plan: Plan
    folder: Path
    private: Path
    given: str = "hosts.yaml"
    before: tuple[str, ...] = ()
    ssh: str = ""

    def over_ssh(self, name: str) -> Program:
        """Give the program as it reaches one machine by SSH, from the place of the gateway, by key and with
        sudo.
        """
        machine = self.machine(name)
        given = json.loads((self.folder / "hosts.yaml").read_text())
        del given["reach"][name]
        (self.folder / "ssh.yaml").write_text(json.dumps(given), encoding="utf-8")
        address = next(node.address for node in self.plan.nodes if node.name == name)
        known = self.folder / "known_hosts"
        known.write_text(f"{address} {machine.read('/etc/ssh/ssh_host_ed25519_key.pub')}", encoding="ascii")
        options = f"-i {self.private} -o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null"
        return replace(self, given="ssh.yaml", before=("ip", "netns", "exec", f"{PREFIX}hub"), ssh=options)

    def machine(self, name: str) -> Machine:
        return self.site.machines[name]

    def command(self, verb: str, *more: str) -> list[str]:
        limits = [part for name in NAMES for part in ("--limit", name)] if "--limit" not in more else []
        program = [str(Path(sys.executable).with_name("sovereign-ai")), "hosts", verb, str(LAB)]
        return [*self.before, *program, "--given", str(self.folder / self.given), *limits, *more, "--json"]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "XDG_STATE_HOME": str(self.folder / "state"),
            "ANSIBLE_SSH_EXTRA_ARGS": self.ssh,
        }

    def __call__(self, verb: str, *more: str) -> Said:
        """Run a command to its end."""
        done = subprocess.run(
            self.command(verb, *more),
            capture_output=True,
            text=True,
            check=False,
            env=self.environment,
            timeout=420,
        )
        assert done.stdout, done.stderr[-2000:]
        return Said(done.returncode, json.loads(done.stdout))

    def until(self, words: str, verb: str, *more: str) -> Said:
        """Run a command until its progress has some words, and a breath longer.

        Then ask it to end as Ctrl-C does.
        """
        process = subprocess.Popen(
            self.command(verb, *more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            start_new_session=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if words in line:
                break
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=90)
        return Said(process.returncode, json.loads(out))


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The lab's machines, freshly installed, and the program that knows how to reach them."""
    need()
    folder = tmp_path_factory.mktemp("hosts")
    key = Ed25519PrivateKey.generate()
    private, forms = folder / "id", serialization
    private.write_bytes(
        key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.OpenSSH, forms.NoEncryption())
    )
    signing = folder / "key.pem"
    signing.write_bytes(
        key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    )
    for file in (private, signing):
        file.chmod(0o600)
    public = key.public_key().public_bytes(forms.Encoding.OpenSSH, forms.PublicFormat.OpenSSH).decode()
    (folder / "public.pem").write_bytes(
        key.public_key().public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)
    )
    _, plan = stack("lab")
    with site(plan, NAMES, rootfs(), folder / "machines") as found:
        reach = {
            name: {"connection": "nsenter", "leader": machine.leader}
            for name, machine in found.machines.items()
        }
        given = {
            "admin_keys": [public],
            "time_servers": ["192.0.2.1"],
            "control_planes": {"lab": "192.0.2.10:6443"},
            "reach": reach,
        }
        (folder / "hosts.yaml").write_text(json.dumps(given), encoding="utf-8")
        yield Program(found, plan, folder, private)
    assert left() == []


@pytest.fixture(scope="session")
def first(program: Program) -> Said:
    """The first run, with one machine whose packages cannot be had."""
    program.machine(BROKEN).ask("mv", "/etc/apt/sources.list", "/etc/apt/sources.list.away")
    program.machine(BROKEN).ask("apt-get", "update")
    return program(
        "configure",
        "--budget",
        "1",
        "--output",
        str(program.folder / "first.json"),
        "--key",
        str(program.folder / "key.pem"),
    )


@pytest.fixture(scope="session")
def resumed(program: Program, first: Said) -> Said:
    """The run that goes on once the broken machine is mended."""
    program.machine(BROKEN).ask("mv", "/etc/apt/sources.list.away", "/etc/apt/sources.list")
    program.machine(BROKEN).ask("apt-get", "update")
    return program("configure", "--resume", "--budget", "1")


@pytest.fixture(scope="session")
def again(program: Program, resumed: Said) -> Said:
    """The same run once more."""
    return program("configure")

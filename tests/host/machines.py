"""Booted Debian machines: an overlay on the root filesystem, an init of their own, a network namespace of
their own each.

Their cables are laid as the plan has them, as far as they are needed: an in-band port a machine, at a gateway
that routes between the pools and is the administrators' own place; and one compute and one storage rail.
Everything carries one prefix, and is removed at the end, and before a start what a killed run has left.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from sovereign_ai.plan.factory import Plan

PREFIX = "hosttest-"
ADMIN, STRANGER = "10.128.0.200", "192.0.2.77"
"""Where administrators sit, inside the management range; and somebody whom no table knows."""
CGROUPS = [
    one
    for one in map(Path, ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"))
    if (one / "cgroup.procs").exists()
]


def run(*command: str, text: str = "", check: bool = True) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120)
    assert not check or done.returncode == 0, (
        f"{' '.join(command)[:300]}: {(done.stdout + done.stderr)[-1500:]}"
    )
    return done.stdout


@dataclass(frozen=True)
class Machine:
    """One machine that runs.

    Attributes:
        name: its name in the plan.
        leader: its init, as this machine numbers it.
        holder: the process that booted it and ends with it.
    """

    name: str
    leader: int
    holder: subprocess.Popen[bytes]

    def ask(self, *command: str, check: bool = True) -> str:
        """Run a program in it and give what it prints."""
        return run(
            "nsenter",
            "--target",
            str(self.leader),
            "--all",
            "--",
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            *command,
            check=check,
        )

    def read(self, path: str) -> str:
        return self.ask("cat", path)

    def write(self, path: str, text: str) -> None:
        run(
            "nsenter",
            "--target",
            str(self.leader),
            "--all",
            "--",
            "/bin/sh",
            "-c",
            f"cat > {path}",
            text=text,
        )

    def marked(self) -> list[str]:
        """Give the commands of living processes that carry the mark of a run."""
        script = "for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ 2>/dev/null | grep -q ^SOVEREIGN_RUN=. && tr '\\0' ' ' < $p/cmdline; done; true"  # noqa: E501 - one literal text
        return self.ask("/bin/sh", "-c", script).split("\n")[:-1]


@dataclass(frozen=True)
class Site:
    """Machines that run, joined by cables."""

    machines: dict[str, Machine]

    def connect(self, place: str, source: str, target: str, port: int) -> bool:
        """Try a TCP connection from a namespace, by a source address.

        Someone must listen for it to be answered.
        """
        code = (
            f"import socket; s = socket.socket(); s.settimeout(1.0); s.bind(({source!r}, 0)); s.connect(({target!r}, {port}));"  # noqa: E501 - one literal text
            "print(s.recv(3).decode())"
        )
        done = subprocess.run(
            ["ip", "netns", "exec", PREFIX + place, "python3", "-c", code],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        return done.returncode == 0 and bool(done.stdout.strip())

    @contextmanager
    def listener(self, name: str, ports: tuple[int, ...]) -> Iterator[None]:
        """Answer `yes` at some ports of a machine."""
        code = (
            "import socket, selectors\nw = selectors.DefaultSelector()\n"
            f"for port in {ports!r}:\n s = socket.create_server(('', port)); w.register(s, 1)\n"
            "print('ready', flush=True)\n"
            "while True:\n for k, _ in w.select():\n  c, _ = k.fileobj.accept(); c.sendall(b'yes'); c.close()\n"  # noqa: E501 - one literal text
        )
        process = subprocess.Popen(
            ["ip", "netns", "exec", PREFIX + name, "python3", "-c", code], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


@contextmanager
def site(plan: Plan, names: tuple[str, ...], rootfs: Path, scratch: Path) -> Iterator[Site]:
    """Boot machines and lay their cables; all of it is gone at the end."""
    clean()
    holders: list[subprocess.Popen[bytes]] = []
    try:
        _wire(plan, names)
        yield Site({name: _boot(name, rootfs, scratch / name, holders) for name in names})
    finally:
        clean()
        for holder in holders:
            holder.wait(timeout=20)


def _wire(plan: Plan, names: tuple[str, ...]) -> None:
    """Make namespaces and cables; the gateway has each pool's first address, and forwards."""
    hub = PREFIX + "hub"
    for name in ("hub", *names):
        run("ip", "netns", "add", PREFIX + name)
        run("ip", "-n", PREFIX + name, "link", "set", "lo", "up")
    nodes = {node.name: node for node in plan.nodes}
    blocks = {one.owner: IPv4Network(one.cidr) for one in plan.prefixes if one.use == "nodes"}
    lines = [f"link add {bridge} type bridge" for bridge in ("compute", "storage")] + [
        f"link set {one} up" for one in ("compute", "storage")
    ]
    lines += [f"addr add {address}/32 dev lo" for address in (ADMIN, STRANGER)]
    for number, name in enumerate(names):
        for port in ("eth0", "compute0", "storage0") if name in nodes else ("storage0",):
            lines.append(f"link add {port[:2]}{number} type veth peer name {port} netns {PREFIX}{name}")
            master = f" master {port[:-1]}" if port != "eth0" else ""
            lines.append(f"link set {port[:2]}{number}{master} up mtu 9000")
        if name in nodes:
            block = blocks[nodes[name].pool]
            lines += [
                f"addr add {block[1]}/32 dev et{number}",
                f"route add {nodes[name].address}/32 dev et{number}",
            ]
    run("ip", "-n", hub, "-batch", "-", text="\n".join(lines) + "\n")
    for name in (one for one in names if one in nodes):
        block = blocks[nodes[name].pool]
        inside = [
            "link set eth0 up",
            f"addr add {nodes[name].address}/32 dev eth0",
            f"route add {block[1]} dev eth0",
            f"route add default via {block[1]}",
        ]
        run("ip", "-n", PREFIX + name, "-batch", "-", text="\n".join(inside) + "\n")
    run("ip", "netns", "exec", hub, "/bin/sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")


def _boot(name: str, rootfs: Path, folder: Path, holders: list[subprocess.Popen[bytes]]) -> Machine:
    """Boot one machine in a mount namespace and control groups of its own."""
    for part in ("upper", "work", "root"):
        (folder / part).mkdir(parents=True)
    (folder / "upper/etc").mkdir()
    (folder / "upper/etc/machine-id").write_text(
        uuid.uuid5(uuid.NAMESPACE_DNS, name).hex + "\n", encoding="ascii"
    )
    groups = []
    for one in CGROUPS:
        (one / (PREFIX + name)).mkdir(exist_ok=True)
        groups.append(f"echo $$ > {one / (PREFIX + name)}/cgroup.procs")
    overlay = f"mount -t overlay overlay -o lowerdir={rootfs},upperdir={folder}/upper,workdir={folder}/work {folder}/root"  # noqa: E501 - one literal text
    nspawn = (
        f"exec systemd-nspawn --quiet --boot --directory={folder}/root --machine={name} --network-namespace-path=/run/netns/{PREFIX}{name}"  # noqa: E501 - one literal text
        " --capability=CAP_NET_ADMIN --register=no --keep-unit --console=pipe --link-journal=no"
    )
    with (folder / "console").open("w") as console:
        process = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--propagation",
                "private",
                "/bin/sh",
                "-ec",
                "\n".join((*groups, overlay, nspawn)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env={**os.environ, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"},
            start_new_session=True,
        )
    holders.append(process)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        leader = next(
            (
                pid
                for pid in _children(process.pid)
                if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"
            ),
            0,
        )
        if leader:
            machine = Machine(name, leader, process)
            if machine.ask("systemctl", "is-system-running", check=False).strip() in ("running", "degraded"):
                return machine
        time.sleep(0.1)
    raise AssertionError(f"{name} did not boot: {(folder / 'console').read_text()[-1500:]}")


def _children(parent: int) -> list[int]:
    """Give the processes below one."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


def clean() -> None:
    """End every process of the machines, and remove their namespaces and control groups."""
    folders = [folder for one in CGROUPS for folder in one.glob(f"{PREFIX}*")]
    for _ in range(50):
        pids = {
            int(pid)
            for folder in folders
            for file in folder.rglob("cgroup.procs")
            for pid in file.read_text().split()
        }
        for pid in pids - {0}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not pids:
            break
        time.sleep(0.1)
    for folder in folders:
        for below in sorted(folder.rglob("*"), key=lambda one: -len(one.parts)):
            if below.is_dir():
                below.rmdir()
        folder.rmdir()
    for name in (
        [one.name for one in Path("/run/netns").glob(f"{PREFIX}*")] if Path("/run/netns").is_dir() else []
    ):
        run("ip", "netns", "del", name)


def left() -> list[str]:
    """Give what of the machines is still there."""
    names = [str(one) for one in Path("/run/netns").glob(f"{PREFIX}*")]
    return names + [str(folder) for one in CGROUPS for folder in one.glob(f"{PREFIX}*")]

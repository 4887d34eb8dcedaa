"""A twin's life: build it, query it, and remove it, also after a crash."""

from __future__ import annotations

import math
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem
from sovereign_ai.fabric_twin.namespace import list_namespaces, processes, query_table, run
from sovereign_ai.fabric_twin.sample import PlanePart, Sample, switch_named
from sovereign_ai.fabric_twin.wiring import wire
from sovereign_ai.files import RUN, content_if_whole, content_of, kernel_file
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import label
from sovereign_ai.render.switches import SwitchPorts, frr
from sovereign_ai.text import clean, counted
from sovereign_ai.toolchain import polling

STATE = Path("/run/sovereign-ai-twin")
MEMORY = Path("/dev/shm")  # noqa: S108 - every folder there has a name that nobody can guess, and mode 0700
"""Where small files cost little: Linux keeps it in memory."""
SCRATCH = "scratch"
"""Name of the link from a twin's folder to its folder in memory."""
DAEMONS = Path("/usr/lib/frr")
_DIGITS = 19
"""The most digits of a process's number."""
_PLANES = "planes"
_AT_ONCE = 4
_DOWN_HINT = "end it first: sovereign-ai fabric twin down STACK"
Progress = Callable[[str], None]
Configure = Callable[[Sequence[SwitchPorts], str, Path, Progress], object]
"""Configures switches.

Called with the switches, the prefix of their namespaces, the folder of their daemons' sockets, and the
progress.
"""
LONGEST_SILENCE = 90.0
"""Seconds without any new path after which a fabric that has not converged is given up."""
MOST_CONFIGURATIONS = 3
"""How often switches are configured before daemons that fall meanwhile are a failure."""


@frozen_dataclass
class Twin:
    """A twin that runs.

    Attributes:
        sample: what is twinned.
        prefix: what the names of its namespaces start with.
        folder: its configuration files, sockets and process identifiers.
        seconds: how long each step of `up` took.
    """

    sample: Sample
    prefix: str
    folder: Path
    seconds: dict[str, float]

    @classmethod
    def up(cls, sample: Sample, progress: Progress, configure: Configure) -> Self:
        """Build a twin and wait until it has converged.

        Args:
            sample: what is twinned.
            progress: takes a line for a person.
            configure: configures switches whose daemons run with empty configurations, by the playbook that
                real switches have. It is passed in, for simulation imports no deployment.

        Raises:
            EnvironmentLacksError: not root, no FRR, or a twin of this factory exists already.
            DeploymentError: it could not be built or did not converge; what was built is torn down.
        """
        require_frr()
        twin = cls.of_sample(sample)
        if list_namespaces(twin.prefix):
            message = f"a twin of {sample.factory} exists already"
            raise EnvironmentLacksError(Problem("twin-stands", message, hint=_DOWN_HINT))
        # Without namespaces there is no twin, but a process that was killed may have left its folder and
        # daemons.
        left = down(sample.factory)
        if any(left.values()):
            progress("removed the files and daemons that an earlier twin left")
        try:
            twin._build(progress, configure)  # noqa: SLF001 - its own class
        except BaseException:
            # Above all Ctrl-C: namespaces and daemons would outlive this process.
            down(sample.factory)
            raise
        return twin

    def _build(self, progress: Progress, configure: Configure) -> None:
        """Build the twin step by step, and note the seconds of each."""
        sample = self.sample
        start = time.monotonic()
        wire(sample, self.prefix)
        self.seconds["wired"] = time.monotonic() - start
        switches, hosts = len(sample.switches), len(sample.hosts)
        cables_text = counted(sample.cables, "cable")
        switches_text = counted(switches, "switch", "switches")
        progress(f"{cables_text} laid between {switches_text} and {counted(hosts, 'host')}")
        self.folder.mkdir(parents=True)
        write_private(self.folder / _PLANES, " ".join(sample.planes).encode(), durable=False)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            # `list` waits for all and raises the first failure.
            list(pool.map(self.start, sample.switches))
        self.seconds["started"] = time.monotonic() - start
        progress(f"{counted(switches, 'switch', 'switches')} run FRR, with nothing configured")
        self._configure(progress, configure)
        self.seconds["configured"] = time.monotonic() - start
        progress(f"{counted(switches, 'switch', 'switches')} configured")
        self.converge()
        self.seconds["converged"] = time.monotonic() - start
        progress("every leaf knows every other by all its paths")

    def _configure(self, progress: Progress, configure: Configure) -> None:
        """Configure the switches; where a daemon ended by itself meanwhile, start it and configure again.

        FRR's daemons can fall: bgpd 8.4.4 was seen to end by signal 11 in its own event loop while it took
        its configuration. A switch has watchfrr for that, and a twin has this.

        Raises:
            DeploymentError: all daemons run and a switch was refused nevertheless, or they fell too often.
        """
        for attempt in range(1, MOST_CONFIGURATIONS + 1):
            refused: DeploymentError | None = None
            try:
                configure(self.sample.switches, self.prefix, self.folder, progress)
            except DeploymentError as error:
                refused = error
            # Looked for after a success too: a daemon that fell after its last answer has lost all it took.
            fallen = self._restart_fallen(progress)
            if not fallen and refused is None:
                return
            if not fallen or attempt == MOST_CONFIGURATIONS:
                raise refused or DeploymentError(Problem("daemons-fall", f"they ended again: {fallen}"))

    def _restart_fallen(self, progress: Progress) -> list[str]:
        """Start every daemon that does not run any more, and return which were started."""
        restarted = []
        for switch in self.sample.switches:
            name = switch.switch.name
            living = processes(self.name(name))
            for daemon in daemons_of(switch):
                pid_file = self.folder / name / f"{daemon}.pid"
                if _pid_in(pid_file) not in living:
                    self._restart(name, daemon)
                    restarted.append(f"{daemon} of {name}")
                    progress(f"{daemon} of {name} had ended by itself; started again, as watchfrr would")
        return restarted

    def _restart(self, switch: str, daemon: str) -> None:
        """Start a daemon again and give it the kept configuration whole, as watchfrr does.

        A comparison would not do: route maps and prefix lists belong to several daemons, and what one of the
        others still has is not missed.
        """
        folder = self.folder / switch
        self._start_daemon(switch, daemon)
        if (folder / "frr.conf").exists():
            run(["vtysh", "--config_dir", str(folder), "--vty_socket", str(folder), "-b"])

    @classmethod
    def of_sample(cls, sample: Sample) -> Self:
        """Return the handle of a twin, whether it runs or not."""
        name = label(sample.factory, most=24)
        return cls(sample, f"twin-{name}.", STATE / name, {})

    @property
    def is_deployed(self) -> bool:
        """Whether this factory has a twin of these planes.

        Raises:
            EnvironmentLacksError: it has one of other planes, or one that was not built to its end.
        """
        if not list_namespaces(self.prefix):
            return False
        file, wanted = self.folder / _PLANES, " ".join(self.sample.planes)
        content = content_of(file, RUN)
        planes = "nothing whole" if content is None else clean(content.decode(errors="replace"))
        if planes != wanted:
            message = f"the twin that exists is of {planes}, not of {wanted}"
            raise EnvironmentLacksError(Problem("other-twin", message, hint=_DOWN_HINT))
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        down(self.sample.factory)

    def name(self, device: str) -> str:
        """Return the namespace of a device."""
        return self.prefix + device

    def start(self, switch: SwitchPorts) -> None:
        """Start one switch's daemons, with empty configurations."""
        name = switch.switch.name
        folder = self.folder / name
        folder.mkdir(mode=0o755)
        shutil.chown(folder, "frr", "frr")
        for daemon in daemons_of(switch):
            self._start_daemon(name, daemon)

    def _start_daemon(self, switch: str, daemon: str) -> None:
        """Start one daemon of a switch, with an empty configuration."""
        folder = self.folder / switch
        program = [str(DAEMONS / daemon), "-d", "-u", "frr", "-g", "frr"]
        # `-P 0`: no terminal over TCP, for `vtysh` uses the sockets in the folder.
        program += ["-P", "0", "-f", "/dev/null", "-i", str(folder / f"{daemon}.pid")]
        program += ["-z", str(folder / "zserv.api"), "--vty_socket", str(folder)]
        if daemon == "bfdd":
            program += ["--bfdctl", str(folder / "bfdd.sock")]
        run(["ip", "netns", "exec", self.name(switch), *program])

    def daemons(self, switch: str, number: signal.Signals) -> None:
        """Send a signal to a switch's daemons, and to no process outside its namespace."""
        for pid in processes(self.name(switch)):
            os.kill(pid, number)

    def run_vtysh(self, switch: str, *commands: str) -> str:
        """Return what a switch's daemons print for `vtysh` commands; no check relies on it."""
        arguments = ["vtysh", "--vty_socket", str(self.folder / switch)]
        for command in commands:
            arguments += ["-c", command]
        return run(arguments)

    def paths(self, switch: str, towards: str) -> list[str]:
        """Return the interfaces of the kernel's equal-cost paths from one switch to another's loopback."""
        target = switch_named(self.sample.switches, towards)
        rows = query_table(self.name(switch), "-4", "route", "show", target.switch.loopback)
        interfaces = []
        for row in rows:
            # A route with one path has its interface in the row itself.
            hops: list[dict[str, Any]] = row.get("nexthops") or [row]
            for hop in hops:
                flags = hop.get("flags", ())
                # A path whose link is down stays listed, with a flag, until the daemon withdraws it.
                if "dead" not in flags and "linkdown" not in flags:
                    interfaces.append(hop["dev"])
        return sorted(interfaces)

    def ready(self, part: PlanePart) -> bool:
        """Return whether each leaf of a plane has as many paths to each other leaf as it has cables up."""
        return self.lacking(part) == 0

    def lacking(self, part: PlanePart) -> int:
        """Return how many paths, and leaves that EVPN announces, the leaves of a plane do not know yet."""
        leaves = part.tier("leaf")
        lacking = 0
        for leaf in leaves:
            routes = self._bgp_routes(leaf)
            for other in leaves:
                route = routes.get(other.switch.loopback, {})
                hops = route.get("nexthops") or ([route] if route else [])
                if other is not leaf:
                    lacking += abs(len(leaf.fabric) - len(hops))
        if not leaves or not leaves[0].zones:
            return lacking
        # Paths are not enough: a zone's broadcasts reach only the leaves that EVPN has announced.
        for leaf in leaves:
            lacking += max(0, len(leaves) - 1 - len(self.remote(leaf)))
        return lacking

    def _bgp_routes(self, switch: SwitchPorts) -> dict[str | None, dict[str, Any]]:
        """Return the routes that a switch has learned by BGP, by their destinations."""
        rows = query_table(self.name(switch.switch.name), "-4", "route", "show", "proto", "bgp")
        return {row.get("dst"): row for row in rows}

    def remote(self, leaf: SwitchPorts) -> set[str]:
        """Return the loopbacks to which a leaf would flood its first segment, as EVPN has announced them.

        A leaf that boots has no segment yet, and floods to none.
        """
        device = f"vni{leaf.zones[0].number}"
        loopbacks = set()
        # Asked for the device alone, `bridge` fails where it is not there.
        for row in query_table(self.name(leaf.switch.name), "fdb", "show", program="bridge"):
            # The entry of all zeros is where a VXLAN device floods to.
            if row.get("ifname") == device and row.get("mac") == "00:00:00:00:00:00" and "dst" in row:
                loopbacks.add(row["dst"])
        return loopbacks

    def converge(self, silence: float = LONGEST_SILENCE) -> float:
        """Wait until every plane is ready and return the seconds it took.

        A busy machine takes several times as long as an idle one, so what counts is whether it goes on.

        Args:
            silence: seconds after which a plane that learns nothing more is given up.

        Raises:
            DeploymentError: a plane stopped learning before it was ready.
        """
        start = time.monotonic()
        for part in self.sample.parts:
            least = math.inf
            last = time.monotonic()
            # A look starts a process for each leaf: where that is slow, looking more often makes it slower.
            for _ in polling(math.inf, 0.2, share=1.0):
                lacking = self.lacking(part)
                if lacking == 0:
                    break
                now = time.monotonic()
                if lacking < least:
                    least = lacking
                    last = now
                elif now - last >= silence:
                    message = f"{part.name} did not converge; paths and EVPN peers missing: {lacking}, "
                    message += f"none learned in {silence:.0f} s"
                    raise DeploymentError(Problem("twin-unready", message, hint="look at `vtysh` of a leaf"))
        return time.monotonic() - start


def daemons_of(switch: SwitchPorts) -> list[str]:
    """Return the daemons that a switch runs, in the order in which they start."""
    daemons = ["zebra", "bgpd", "bfdd"]
    # Static routes are staticd's; most switches have none.
    if "\nip route " in frr(switch):
        daemons.append("staticd")
    return daemons


def require_frr() -> None:
    """Check that the machine can hold a twin.

    Raises:
        EnvironmentLacksError: what is missing, all at once, with the command that installs it.
    """
    problems = []
    zebra, reload = DAEMONS / "zebra", DAEMONS / "frr-reload.py"
    if os.geteuid():
        message = "namespaces and daemons of a twin need root"
        problems.append(Problem("not-root", message, hint="run it as root"))
    if not zebra.exists() or shutil.which("vtysh") is None:
        message = f"FRR is not installed: no {zebra} or no vtysh"
        problems.append(Problem("no-frr", message, hint="apt-get install frr frr-pythontools"))
    # Where FRR itself is missing, its hint names the package of the reload script as well.
    if zebra.exists() and not reload.exists():
        hint = "apt-get install frr-pythontools"
        problems.append(Problem("no-frr-reload", f"no {reload}", hint=hint))
    if shutil.which("ip") is None:
        problems.append(Problem("no-iproute2", "`ip` is not installed", hint="apt-get install iproute2"))
    if problems:
        raise EnvironmentLacksError(problems)


def down(factory: str) -> dict[str, int]:
    """Remove a factory's twin, whole or in parts: processes, namespaces and files.

    Returns:
        How many of each there were.
    """
    name = label(factory, most=24)
    namespaces = list_namespaces(f"twin-{name}.")
    folder = STATE / name
    pids = set(_recorded_daemons(folder))
    for namespace in namespaces:
        pids.update(processes(namespace))
    # All processes go before any namespace: one that holds a namespace keeps it, and its links, alive.
    for pid in sorted(pids):
        # A check may have stopped it.
        _end(pid, signal.SIGCONT)
        _end(pid, signal.SIGKILL)
    for namespace in namespaces:
        run(["ip", "netns", "del", namespace], check=False)
    files = 0
    if folder.exists():
        for path in folder.rglob("*"):
            files += path.is_file()
    for link in folder.glob(f"*/{SCRATCH}"):
        shutil.rmtree(link.resolve(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    if STATE.is_dir() and not any(STATE.iterdir()):
        STATE.rmdir()
    return {"namespaces": len(namespaces), "processes": len(pids), "files": files}


def _recorded_daemons(folder: Path) -> Iterator[int]:
    """Yield the daemons that still run by the PID files of a folder.

    A namespace that was deleted by its name lives on, nameless, for as long as its daemons do.
    """
    for file in sorted(folder.glob("*/*.pid")):
        try:
            pid = _pid_in(file)
            command = kernel_file(f"/proc/{pid}/cmdline").split(b"\0")
        except OSError:
            continue
        # The kernel may have given the number to another program; only the daemon has its PID file's path.
        if os.fsencode(file) in command:
            yield pid


def _pid_in(file: Path) -> int:
    """Return the number in a daemon's PID file; 0, which no process has, where it holds none."""
    digits = (content_if_whole(file, RUN) or b"").strip()
    return int(digits) if digits.isdigit() and len(digits) <= _DIGITS else 0


def _end(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return

"""The twin itself: up, what it says, and down; down also removes what a crash left."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem
from sovereign_ai.names import label
from sovereign_ai.render.switches.frr import frr
from sovereign_ai.render.switches.ports import SwitchPorts
from sovereign_ai.sim.twin.namespace import ask, processes, run, standing
from sovereign_ai.sim.twin.sample import Part, Sample
from sovereign_ai.sim.twin.wiring import wire

STATE = Path("/run/sovereign-ai-twin")
DAEMONS = Path("/usr/lib/frr")
_PLANES = "planes"
Progress = Callable[[str], None]
Configure = Callable[[Sequence[SwitchPorts], str, Path, Progress], object]
"""Takes the switches, what their namespaces' names start with, the folder of their daemons' sockets, and the progress."""
LONGEST_START = 90.0
"""Seconds until every leaf must know every other by all its paths."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A twin that stands.

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
            configure: brings switches to the plan whose daemons run with empty configurations: the playbook that real
                switches have. It is handed in, for simulation knows no deployment.

        Raises:
            EnvironmentLacksError: not root, no FRR, or a twin of this factory stands already.
            DeploymentError: it could not be built or did not converge; what stood is torn down.
        """
        need()
        twin = cls.found(sample)
        if standing(twin.prefix):
            message = f"a twin of {sample.factory} stands already"
            raise EnvironmentLacksError(Problem("twin-stands", message, hint="end it first: sovereign-ai fabric twin down STACK"))
        try:
            start = time.monotonic()
            wire(sample, twin.prefix)
            twin.seconds["wired"] = time.monotonic() - start
            progress(f"{sample.cables} cables laid between {len(sample.switches)} switches and {len(sample.hosts)} hosts")
            twin.folder.mkdir(parents=True)
            twin.folder.joinpath(_PLANES).write_text(" ".join(sample.planes), encoding="ascii")
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(twin.start, sample.switches))
            twin.seconds["started"] = time.monotonic() - start
            progress(f"{len(sample.switches)} switches run FRR, with nothing configured")
            configure(sample.switches, twin.prefix, twin.folder, progress)
            twin.seconds["configured"] = time.monotonic() - start
            progress(f"{len(sample.switches)} switches configured")
            twin.converge()
            twin.seconds["converged"] = time.monotonic() - start
            progress("every leaf knows every other by all its paths")
        except BaseException:
            down(sample.factory)
            raise
        return twin

    @classmethod
    def found(cls, sample: Sample) -> Self:
        """Give the handle of a twin, whether it stands or not."""
        name = label(sample.factory, most=24)
        return cls(sample, f"twin-{name}.", STATE / name, {})

    @property
    def stands(self) -> bool:
        """Tell whether this factory has a twin of these planes.

        Raises:
            EnvironmentLacksError: it has one of other planes, or one that was not built to its end.
        """
        if not standing(self.prefix):
            return False
        file, mine = self.folder / _PLANES, " ".join(self.sample.planes)
        planes = file.read_text(encoding="ascii") if file.exists() else "nothing whole"
        if planes != mine:
            message = f"the twin that stands is of {planes}, not of {mine}"
            raise EnvironmentLacksError(Problem("other-twin", message, hint="end it first: sovereign-ai fabric twin down STACK"))
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        down(self.sample.factory)

    def name(self, device: str) -> str:
        """Give the namespace of a device."""
        return self.prefix + device

    def start(self, one: SwitchPorts) -> None:
        """Start one switch's daemons, with empty configurations."""
        folder = self.folder / one.switch.name
        folder.mkdir(mode=0o755)
        shutil.chown(folder, "frr", "frr")
        names = ["zebra", "bgpd", "bfdd", *(["staticd"] if "\nip route " in frr(one) else [])]
        for daemon in names:
            extra = ["--bfdctl", str(folder / "bfdd.sock")] if daemon == "bfdd" else []
            program = [
                str(DAEMONS / daemon),
                "-d",
                "-u",
                "frr",
                "-g",
                "frr",
                "-P",
                "0",
                "-f",
                "/dev/null",
                "-i",
                str(folder / f"{daemon}.pid"),
            ]
            sockets = ["-z", str(folder / "zserv.api"), "--vty_socket", str(folder)]
            run(["ip", "netns", "exec", self.name(one.switch.name), *program, *sockets, *extra])

    def daemons(self, switch: str, number: signal.Signals) -> None:
        """Send a signal to a switch's daemons, and to no process outside its namespace."""
        for pid in processes(self.name(switch)):
            os.kill(pid, number)

    def tell(self, switch: str, *commands: str) -> str:
        """Ask a switch's daemons by `vtysh`, for a person to read; no check relies on it."""
        folder = self.folder / switch
        return run(["vtysh", "--vty_socket", str(folder), *(part for command in commands for part in ("-c", command))])

    def paths(self, switch: str, towards: str) -> list[str]:
        """Give the interfaces of the kernel's equal-cost paths from one switch to another's loopback."""
        loopback = next(one.switch.loopback for one in self.sample.switches if one.switch.name == towards)
        rows: list[dict[str, Any]] = ask(self.name(switch), "-4", "route", "show", loopback)
        hops = [hop for row in rows for hop in (row.get("nexthops") or [row])]
        return sorted(hop["dev"] for hop in hops if "dead" not in hop.get("flags", ()) and "linkdown" not in hop.get("flags", ()))

    def ready(self, part: Part) -> bool:
        """Tell whether each leaf of a plane has as many paths to each other leaf as it has cables up."""
        leaves = part.tier("leaf")
        for one in leaves:
            rows = {row.get("dst"): row for row in ask(self.name(one.switch.name), "-4", "route", "show", "proto", "bgp")}
            for other in leaves:
                row = rows.get(other.switch.loopback, {})
                hops = row.get("nexthops") or ([row] if row else [])
                if other is not one and len(hops) != len(one.fabric):
                    return False
        return all(len(self.remote(one)) >= len(leaves) - 1 for one in leaves) if leaves and leaves[0].zones else True

    def remote(self, one: SwitchPorts) -> set[str]:
        """Give the loopbacks to which a leaf would flood its first segment: EVPN has told it who is in it."""
        rows = ask(self.name(one.switch.name), "fdb", "show", "dev", f"vni{one.zones[0].number}", program="bridge")
        return {row["dst"] for row in rows if row.get("mac") == "00:00:00:00:00:00" and "dst" in row}

    def converge(self, most: float = LONGEST_START) -> float:
        """Wait until every plane is ready and give the seconds it took.

        Raises:
            DeploymentError: it did not get ready in time.
        """
        start = time.monotonic()
        for part in self.sample.parts:
            while not self.ready(part):
                if time.monotonic() - start > most:
                    message = f"{part.name} did not converge in {most:.0f} s"
                    raise DeploymentError(Problem("twin-unready", message, hint="look at `vtysh` of a leaf"))
                time.sleep(0.2)
        return time.monotonic() - start


def need() -> None:
    """See that the machine can hold a twin.

    Raises:
        EnvironmentLacksError: what is missing, all at once, with the command that mends it.
    """
    problems = []
    if os.geteuid():
        problems.append(Problem("not-root", "namespaces and daemons of a twin need root", hint="run it as root"))
    if not (DAEMONS / "zebra").exists() or shutil.which("vtysh") is None:
        problems.append(Problem("no-frr", f"FRR is not there: no {DAEMONS}/zebra or no vtysh", hint="apt-get install frr frr-pythontools"))
    if (DAEMONS / "zebra").exists() and not (DAEMONS / "frr-reload.py").exists():
        problems.append(Problem("no-frr-reload", f"no {DAEMONS}/frr-reload.py", hint="apt-get install frr-pythontools"))
    if shutil.which("ip") is None:
        problems.append(Problem("no-iproute2", "`ip` is not there", hint="apt-get install iproute2"))
    if problems:
        raise EnvironmentLacksError(problems)


def down(factory: str) -> dict[str, int]:
    """Remove a factory's twin, whole or in parts: processes, namespaces and files; give how many of each there were."""
    name = label(factory, most=24)
    names = standing(f"twin-{name}.")
    pids = [pid for one in names for pid in processes(one)]
    for pid in pids:
        _end(pid, signal.SIGCONT)
        _end(pid, signal.SIGKILL)
    for one in names:
        run(["ip", "netns", "del", one], check=False)
    folder = STATE / name
    files = sum(one.is_file() for one in folder.rglob("*")) if folder.exists() else 0
    shutil.rmtree(folder, ignore_errors=True)
    if STATE.is_dir() and not any(STATE.iterdir()):
        STATE.rmdir()
    return {"namespaces": len(names), "processes": len(pids), "files": files}


def _end(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return

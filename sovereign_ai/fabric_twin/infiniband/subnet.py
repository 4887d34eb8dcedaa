"""A running InfiniBand subnet: ibsim and OpenSM in a network namespace, and the tools that query it.

ibsim listens on abstract sockets, which belong to a network namespace, so two twins never meet and nothing
reaches an adapter of this machine. ibsim reads commands from a named pipe: links are removed and restored as
at its console.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sovereign_ai.assess.observed import Subnet, ibnetdiscover
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem
from sovereign_ai.fabric_twin.infiniband.ibsim_net import Net, net_file
from sovereign_ai.fabric_twin.namespace import batch, list_namespaces, processes, run
from sovereign_ai.fabric_twin.twin import MEMORY, SCRATCH, STATE, down
from sovereign_ai.files import captured, end_of, kernel_text
from sovereign_ai.files.writing import open_to_append, write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import label
from sovereign_ai.render.switches import opensm_conf
from sovereign_ai.text import counted
from sovereign_ai.toolchain import wait_until

LIBRARIES = Path("/usr/lib")
_MOST_LOG = 64 << 20
"""Bytes of the end of OpenSM's log that are looked at; a sweep adds a few hundred."""
_PRELOAD = "*/umad2sim/libumad2sim.so"
_PROGRAMS = {
    "ibsim": "ibsim-utils",
    "opensm": "opensm",
    "ibnetdiscover": "infiniband-diags",
    "smpquery": "infiniband-diags",
}
_UP = "SUBNET UP"
"""The line that OpenSM logs at the end of each sweep."""
_ENGINE = re.compile(r"(\w+) tables configured on all switches")
"""The line that OpenSM logs once an engine has filled the forwarding tables."""
LONGEST_START, LONGEST_SWEEP = 60.0, 120.0
"""Seconds until ibsim answers, and until OpenSM has routed the subnet."""
_AT_ONCE = 2
"""Queries at a time."""
_MOST_IN_SHELL = 500
"""Queries of one shell, which has a limited time for them."""
_LONGEST_SHELL = 600.0
"""Seconds for one shell; an idle machine needs ten."""
_RECORD = "\036"
"""The ASCII record separator, which parts the answers of a shell; no tool prints it."""
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
Progress = Callable[[str], None]


@frozen_dataclass
class RunningSubnet:
    """A twin of an InfiniBand plane that runs.

    Attributes:
        net: what is twinned.
        namespace: the network namespace of its processes.
        folder: its files: net, partitions, logs, the console of ibsim.
        seconds: how long each step of `up` took.
    """

    net: Net
    namespace: str
    folder: Path
    seconds: dict[str, float]

    @classmethod
    def of(cls, net: Net) -> RunningSubnet:
        """Return the handle of a twin, whether it runs or not."""
        name = label(net.factory, most=24)
        plane = net.plane.name
        return cls(net, f"twin-{name}.{plane}", STATE / name / plane, {})

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return bool(list_namespaces(self.namespace))

    def up(self, progress: Progress) -> None:
        """Start ibsim and OpenSM and wait until the subnet is up.

        Raises:
            EnvironmentLacksError: not root, a program is missing, or a twin of this factory runs already.
            DeploymentError: it did not come up; what was started is ended.
        """
        require_ibsim()
        prefix = f"twin-{label(self.net.factory, most=24)}."
        if list_namespaces(prefix):
            message = f"a twin of {self.net.factory} exists already"
            hint = "end it first: sovereign-ai fabric twin down STACK"
            raise EnvironmentLacksError(Problem("twin-stands", message, hint=hint))
        start = time.monotonic()
        switches, adapters = len(self.net.switches), len(self.net.adapters)
        try:
            run(["ip", "netns", "add", self.namespace])
            batch(["link set lo up"], self.namespace)
            self._write()
            self._start_ibsim()
            self.seconds["simulated"] = time.monotonic() - start
            adapters_text = counted(adapters, "adapter")
            progress(f"ibsim answers for {counted(switches, 'switch', 'switches')} and {adapters_text}")
            self._spawn(["opensm", "-F", str(self.folder / "opensm.conf"), "--console", "off"], "opensm")
            self._swept(0)
            seconds = time.monotonic() - start
            self.seconds["subnet up"] = seconds
            progress(f"OpenSM: SUBNET UP after {seconds:.1f} s")
        except BaseException:
            # Above all Ctrl-C: namespace and programs would outlive this process.
            down(self.net.factory)
            raise

    def _write(self) -> None:
        """Write the files that ibsim and OpenSM read."""
        (self.folder / "cache").mkdir(parents=True)
        self._scratch.symlink_to(scratch_folder(self.folder))
        write_private(self.folder / "net", net_file(self.net).encode(), durable=False)
        self.partitions(self.net.partitions)
        # The last setting of a name counts: the files of this twin instead of those of the host.
        settings = opensm_conf(self.net.plane)
        settings += f"partition_config_file {self.folder / 'partitions.conf'}\n"
        settings += f"log_file {self.folder / 'opensm.log'}\n"
        # `_sweeps` reads the log while OpenSM runs.
        settings += "force_log_flush TRUE\n"
        write_private(self.folder / "opensm.conf", settings.encode(), durable=False)
        os.mkfifo(self.folder / "console", 0o600)

    @property
    def _scratch(self) -> Path:
        """Where tools run: each writes and removes a hundred small files there."""
        return self.folder / SCRATCH

    def partitions(self, text: str) -> None:
        """Write `partitions.conf`; OpenSM reads it at its next sweep."""
        write_private(self.folder / "partitions.conf", text.encode(), durable=False)

    def _start_ibsim(self) -> None:
        """Start ibsim and wait until it answers."""
        switches, adapters = len(self.net.switches), len(self.net.adapters)
        # ibsim allocates its tables at the start. A switch has a port 0 besides its own, an adapter ports 0
        # and 1.
        ports = sum(self.net.ports.values()) + switches + 2 * adapters
        limits = ["-N", str(switches + adapters + 8), "-S", str(switches + 8), "-P", str(ports + 64)]
        self._spawn(["ibsim", "-s", *limits, str(self.folder / "net")], "ibsim", console=True)
        if not wait_until(lambda: self.ask("smpquery", "-D", "nodeinfo", "0"), LONGEST_START, 0.2):
            message = f"ibsim did not answer: see {self.folder / 'ibsim.out'}"
            raise DeploymentError(Problem("twin-unready", message))

    def _spawn(self, words: list[str], name: str, *, console: bool = False) -> None:
        """Start a program that runs on, and detach it from this process."""
        # Opened for both: a pipe without a writer would end ibsim's console at once.
        source = os.open(self.folder / "console", os.O_RDWR) if console else os.open(os.devnull, os.O_RDONLY)
        with os.fdopen(open_to_append(self.folder / f"{name}.out"), "ab") as out:
            try:
                subprocess.run(
                    ["setsid", "--fork", "ip", "netns", "exec", self.namespace, *words],
                    stdin=source,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env=self._environment(preload=not console),
                    # Tools on ibsim leave a folder where they run: there it is removed with the twin.
                    cwd=self._scratch,
                    check=True,
                )
            finally:
                os.close(source)

    def _environment(self, *, preload: bool) -> dict[str, str]:
        """Return the environment of a program that works on ibsim's subnet, not on the machine's adapters."""
        environment = {
            "PATH": _PATH,
            "OSM_CACHE_DIR": str(self.folder / "cache"),
            "OSM_TMP_DIR": str(self.folder / "cache"),
            "SIM_HOST": self.net.node_id(self.net.manager),
        }
        if preload:
            # The library answers the program's requests to /dev/infiniband from ibsim.
            environment["LD_PRELOAD"] = str(preload_library())
        return environment

    def ask(self, *words: str) -> str:
        """Run one of infiniband-diags' programs and return what it prints; empty where it fails."""
        done = captured(
            ["ip", "netns", "exec", self.namespace, *words],
            seconds=120,
            folder=self._scratch,
            environment=self._environment(preload=True),
        )
        return done.stdout.decode(errors="replace") if done.returncode == 0 else ""

    def ask_all(self, questions: Sequence[tuple[str, ...]]) -> list[str]:
        """Run many programs in the subnet; return their texts in order, an empty one for each that fails.

        A few shells share them and run theirs one after the other: entering the namespace costs more than
        most queries.
        """
        shares = [questions[start::_AT_ONCE] for start in range(_AT_ONCE)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = list(pool.map(self._share, shares))
        texts = []
        for number in range(len(questions)):
            # Question n is in share n mod _AT_ONCE.
            place, share = divmod(number, _AT_ONCE)
            texts.append(answers[share][place])
        return texts

    def _share(self, questions: Sequence[tuple[str, ...]]) -> list[str]:
        """Run some programs in one shell."""
        if not questions:
            return []
        printed = ""
        for start in range(0, len(questions), _MOST_IN_SHELL):
            printed += self._shell(questions[start : start + _MOST_IN_SHELL])
        parts = printed.split(_RECORD)
        texts = []
        # Behind the last separator is an empty text without a code.
        for text, code in zip(parts[::2], parts[1::2], strict=False):
            texts.append(text if code == "0" else "")
        return texts

    def _shell(self, questions: Sequence[tuple[str, ...]]) -> str:
        """Return what one shell prints: each text and each exit code, with a separator behind both.

        Raises:
            DeploymentError: it does not end.
        """
        script = ""
        for words in questions:
            script += f"{shlex.join(words)} 2>/dev/null; printf '\\036%s\\036' $?\n"
        try:
            done = captured(
                ["ip", "netns", "exec", self.namespace, "sh"],
                feed=script.encode(),
                seconds=_LONGEST_SHELL,
                folder=self._scratch,
                environment=self._environment(preload=True),
            )
        except subprocess.TimeoutExpired:
            queries_text = counted(len(questions), "query", "queries")
            message = f"{queries_text} of the subnet took more than {_LONGEST_SHELL:.0f} s"
            hint = "look at what else this machine does, and run it again"
            raise DeploymentError(Problem("twin-unready", message, hint=hint)) from None
        return done.stdout.decode(errors="replace")

    def discover(self) -> Subnet:
        """Return the subnet as `ibnetdiscover` sees it from the manager's adapter."""
        return ibnetdiscover(self.ask("ibnetdiscover"), "ibnetdiscover")

    def console(self, *commands: str) -> None:
        """Send commands to ibsim, such as `Unlink "S-1"[3]`."""
        with self.folder.joinpath("console").open("w", encoding="ascii") as pipe:
            pipe.writelines(f"{command}\n" for command in commands)
        # ibsim reads its console between two packets, and does not report when it has.
        time.sleep(0.2)  # noqa: TID251 - there is nothing to ask

    def sweep(self) -> float:
        """Let OpenSM discover the subnet anew, read its partitions and route; return the seconds it took."""
        start = time.monotonic()
        before = self._sweeps()
        for pid in processes(self.namespace):
            program = kernel_text(f"/proc/{pid}/comm").strip()
            # SIGHUP starts a heavy sweep; any other process of the namespace would end by it.
            if program == "opensm":
                os.kill(pid, signal.SIGHUP)
        self._swept(before)
        return time.monotonic() - start

    @property
    def routing(self) -> str:
        """The engine that OpenSM routed by last: `ftree`, or `updn` where it found no fat tree."""
        engines = _ENGINE.findall(self._log())
        return str(engines[-1]) if engines else ""

    def _sweeps(self) -> int:
        """Count the sweeps that OpenSM has ended."""
        return self._log().count(_UP)

    def _log(self) -> str:
        """Return what OpenSM has logged."""
        return end_of(self.folder / "opensm.log", _MOST_LOG).decode("utf-8", "replace")

    def _swept(self, before: int) -> None:
        """Wait until more sweeps have ended than before."""
        if not wait_until(lambda: self._sweeps() > before, LONGEST_SWEEP, 0.1):
            message = f"OpenSM did not finish a sweep: see {self.folder / 'opensm.log'}"
            raise DeploymentError(Problem("twin-unready", message))


def scratch_folder(folder: Path) -> Path:
    """Make a folder for the small files of tools: in memory where that is possible, else below another one.

    Queries are six times as fast in memory as on a disk.
    """
    is_there = MEMORY.is_dir()
    return Path(tempfile.mkdtemp(prefix=f"{STATE.name}-", dir=MEMORY if is_there else folder))


def preload_library() -> Path | None:
    """Return the library that redirects the tools' requests to ibsim; None where it is not installed."""
    libraries = sorted(LIBRARIES.glob(_PRELOAD))
    return libraries[0] if libraries else None


def require_ibsim() -> None:
    """Check that this machine can run the twin.

    Raises:
        EnvironmentLacksError: what is missing, all at once, with the command that installs it.
    """
    problems = []
    if os.geteuid():
        message = "the namespace of a twin needs root"
        problems.append(Problem("not-root", message, hint="run it as root"))
    missing = set()
    for program, package in _PROGRAMS.items():
        if shutil.which(program, path="/usr/sbin:/usr/bin") is None:
            missing.add(package)
    if preload_library() is None:
        missing.add("libumad2sim0")
    if missing:
        names = " ".join(sorted(missing))
        message = f"the InfiniBand programs are not all installed: {names}"
        problems.append(Problem("no-infiniband", message, hint=f"apt-get install {names}"))
    if shutil.which("ip") is None:
        problems.append(Problem("no-iproute2", "`ip` is not installed", hint="apt-get install iproute2"))
    if problems:
        raise EnvironmentLacksError(problems)

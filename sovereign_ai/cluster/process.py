"""One supervised process: its definition, its health probe, how it is started and identified.

A child ends with its supervisor, whatever ends that (PR_SET_PDEATHSIG). It is identified by its number and
the time at which the kernel started it, since numbers are reused. Linux only.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.tls import load_files, trusting
from sovereign_ai.errors import SovereignError
from sovereign_ai.files import kernel_text
from sovereign_ai.files.writing import open_to_append
from sovereign_ai.frozen_dataclass import frozen_dataclass

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_START_TIME_FIELD = 22 - 3
"""Field 22 of /proc/PID/stat (proc_pid_stat(5)), counted behind the name, which is field 2."""
_PROBE_SECONDS = 2.0
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""A client's first bytes (RFC 9113, section 3.4), with empty settings; the server answers with its own."""


@frozen_dataclass
class ProcessProbe:
    """A health check: GET over verified TLS with a client certificate; healthy is status 200.

    Without a path, a listener is healthy if it sends its first bytes: without the gRPC library no more can be
    checked of gRPC.

    Attributes:
        host: where it listens; a path is a Unix socket.
        port: its port.
        path: such as `/readyz`.
        authority: file of the authority that signed the listener's certificate.
        certificate: file of the client certificate.
        key: file of the client key.
    """

    port: int
    path: str = ""
    authority: str = ""
    certificate: str = ""
    key: str = ""
    host: str = "127.0.0.1"


@frozen_dataclass
class Process:
    """What a supervisor runs.

    Attributes:
        name: unique in a cluster.
        argv: program and arguments; nothing secret.
        after: names of processes that must be healthy before this one starts.
        probe: its health check; without one, a process is healthy while it runs and is not stopped.
        once: it runs to its end, and is healthy when it has ended with 0.
        env: its whole environment.
        stop_seconds: how long it may take to end before it is killed.
        settle_seconds: without a probe, how long it must have run to count as healthy.
    """

    name: str
    argv: tuple[str, ...]
    after: tuple[str, ...] = ()
    probe: ProcessProbe | None = None
    once: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: float = 10.0
    settle_seconds: float = 0.0

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Process:
        """Return the process that plain data describes."""
        probe = ProcessProbe(**data["probe"]) if data.get("probe") else None
        known = dict(data) | {
            "probe": probe,
            "argv": tuple(data["argv"]),
            "after": tuple(data.get("after", ())),
        }
        return cls(**known)


def start(process: Process, log: Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start a process that ends when its parent does, with its output appended to a log of mode 0600.

    Raises:
        OSError: the program cannot be run.
    """
    parent = os.getpid()

    def in_child() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # A parent that died before the call sends no signal any more.
        if os.getppid() != parent:
            os._exit(1)
        # The supervisor blocks signals, and a child inherits that.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    descriptor = open_to_append(log)
    try:
        return subprocess.Popen(
            process.argv,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=folder,
            env=dict(process.env),
            preexec_fn=in_child,  # noqa: PLW1509 - the supervisor has one thread
        )
    finally:
        os.close(descriptor)


def is_well(probe: ProcessProbe) -> bool:
    """Return whether a listener is healthy, by one probe."""
    if not probe.path:
        return _sends_first_bytes(probe)
    try:
        connection = http.client.HTTPSConnection(
            probe.host, probe.port, timeout=_PROBE_SECONDS, context=_tls(probe)
        )
        try:
            connection.request("GET", probe.path)
            return connection.getresponse().status == 200
        finally:
            connection.close()
    except (OSError, SovereignError, http.client.HTTPException):
        return False


def _sends_first_bytes(probe: ProcessProbe) -> bool:
    """Return whether a listener sends its first bytes: of TLS where an authority is named, else of HTTP/2."""
    is_path = probe.host.startswith("/")
    try:
        with socket.socket(socket.AF_UNIX if is_path else socket.AF_INET) as connection:
            connection.settimeout(_PROBE_SECONDS)
            if is_path:
                with socket_address(Path(probe.host)) as address:
                    connection.connect(address)
            else:
                connection.connect((probe.host, probe.port))
            if probe.authority:
                _tls(probe).wrap_socket(connection, server_hostname=probe.host).close()
                return True
            connection.sendall(_HTTP2_PREFACE)
            return len(connection.recv(9)) > 0
    except (OSError, SovereignError):
        return False


def _tls(probe: ProcessProbe) -> ssl.SSLContext:
    """Return the context that a probe trusts, and shows its certificate with."""
    tls = trusting(Path(probe.authority))
    load_files(tls, Path(probe.certificate), Path(probe.key))
    return tls


@contextlib.contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """Yield an address of a Unix socket that is short enough for the kernel, however deep its folder is.

    Raises:
        OSError: the folder does not exist.
    """
    # An address has at most 107 bytes (unix(7)); the path through the descriptor has fewer.
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


def started_at(pid: int) -> int | None:
    """Return the kernel's start time of a process, in clock ticks since boot; None if it does not run."""
    try:
        text = kernel_text(f"/proc/{pid}/stat")
    except OSError:
        return None
    # The name, in parentheses, may hold blanks and parentheses itself. Z and X are processes that have ended.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[_START_TIME_FIELD])


def is_stopped(pid: int) -> bool:
    """Return whether a process was stopped by a signal or a debugger, and so does nothing."""
    try:
        text = kernel_text(f"/proc/{pid}/stat")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] in {"T", "t"}


def is_running(pid: int | None, started: int | None) -> bool:
    """Return whether the process that started at a time still runs."""
    return pid is not None and started is not None and started_at(pid) == started

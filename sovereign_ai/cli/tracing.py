"""Spans of a command and its phases in OpenTelemetry's form, where `SOVEREIGN_AI_TRACE` asks for them.

The variable names a file, which gets one line of OTLP/JSON a command, or an address of OTLP over HTTP on this
machine (`http://127.0.0.1:4318`). Nothing is sent anywhere else, and without the variable nothing is kept.
`TRACEPARENT` (W3C Trace Context) makes a command a part of its caller's trace.

A span has the phase's name, its times, and for a failure the error's class. No value of a description, no
argument, path or name of a cluster is in it.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from errno import EREMOTEIO
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from sovereign_ai import __version__
from sovereign_ai.errors import Problem, SovereignError, UsageError
from sovereign_ai.files.writing import open_to_append

VARIABLE = "SOVEREIGN_AI_TRACE"
_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_ADDRESS = re.compile(r"http://(127(?:\.\d{1,3}){3}|localhost|\[::1\])(?::(\d{1,5}))?(/[A-Za-z0-9/_.-]*)?")
_TRACES = "/v1/traces"
_PORT = 4318
"""OTLP's port for HTTP, and its path for traces."""
_SECONDS = 5.0
"""How long a receiver has to answer; it is on the same machine."""
_FIRST_ERROR = 300
"""The first HTTP status that is no success."""
_INTERNAL = 1
"""SPAN_KIND_INTERNAL."""
_OK, _ERROR = 1, 2
"""STATUS_CODE_OK and STATUS_CODE_ERROR."""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class _PhaseSpan:
    """One span.

    Attributes:
        name: the command or phase.
        identifier: 16 hexadecimal digits.
        parent: the identifier of the span that it is in; empty for the first of a trace.
        start: nanoseconds since 1970.
        end: nanoseconds since 1970; 0 while it runs.
        error: class of the error that ended it; empty where none did.
        exit_code: exit code of a command; None for a phase.
    """

    name: str
    identifier: str
    parent: str
    start: int
    end: int = 0
    error: str = ""
    exit_code: int | None = None

    def to_data(self, trace: str) -> dict[str, Any]:
        """Return the span as OTLP/JSON has it: 64-bit numbers are text, identifiers hexadecimal."""
        attributes: list[dict[str, Any]] = []
        if self.error:
            attributes.append(_attribute("error.type", self.error))
        if self.exit_code is not None:
            code = {"intValue": str(self.exit_code)}
            attributes.append({"key": "process.exit.code", "value": code})
        failed = bool(self.error or self.exit_code)
        return {
            "traceId": trace,
            "spanId": self.identifier,
            "parentSpanId": self.parent,
            "name": self.name,
            "kind": _INTERNAL,
            "startTimeUnixNano": str(self.start),
            "endTimeUnixNano": str(self.end),
            "attributes": attributes,
            "status": {"code": _ERROR if failed else _OK},
        }


@dataclass(slots=True)
class _CommandTrace:
    """The spans of one command.

    Attributes:
        identifier: 32 hexadecimal digits.
        parent: the caller's span; empty where the command is the first of its trace.
        spans: every span, in the order of their beginnings.
        running: identifiers of the spans that run, the innermost last.
        clock: nanoseconds between the monotonic clock and the time of day when the command began.
    """

    identifier: str
    parent: str
    spans: list[_PhaseSpan] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    # A clock that is set while a command runs would make a phase end before it began.
    clock: int = field(default_factory=lambda: time.time_ns() - time.monotonic_ns())

    def _now(self) -> int:
        """Return the time in nanoseconds since 1970."""
        return self.clock + time.monotonic_ns()

    @contextmanager
    def span(self, name: str) -> Iterator[_PhaseSpan]:
        """Record a block as a span; an error that leaves it is noted by its class."""
        parent = self.running[-1] if self.running else self.parent
        span = _PhaseSpan(name, os.urandom(8).hex(), parent, self._now())
        self.spans.append(span)
        self.running.append(span.identifier)
        try:
            yield span
        except BaseException as error:
            # Typer ends a command by an exception of its own, which carries the exit code.
            if not hasattr(error, "exit_code") or isinstance(error, SovereignError):
                span.error = type(error).__name__
            raise
        finally:
            self.running.pop()
            span.end = self._now()

    def to_data(self) -> dict[str, Any]:
        """Return the request of OTLP's trace service."""
        spans = [span.to_data(self.identifier) for span in self.spans]
        scope = {"name": "sovereign_ai", "version": __version__}
        resource = [_attribute("service.name", "sovereign-ai"), _attribute("service.version", __version__)]
        part = {
            "resource": {"attributes": resource},
            "scopeSpans": [{"scope": scope, "spans": spans}],
        }
        return {"resourceSpans": [part]}


_CURRENT: ContextVar[_CommandTrace | None] = ContextVar("trace", default=None)


def _attribute(key: str, value: str) -> dict[str, Any]:
    """Return a text attribute."""
    return {"key": key, "value": {"stringValue": value}}


def traced(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function a phase: each call is a span where the command is traced."""

    def decorate(work: Callable[P, R]) -> Callable[P, R]:
        @wraps(work)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            trace = _CURRENT.get()
            if trace is None:
                return work(*args, **kwargs)
            with trace.span(name):
                return work(*args, **kwargs)

        return run

    return decorate


@contextmanager
def tracing(command: str, warn: Callable[[str], object]) -> Iterator[None]:
    """Trace a command where the environment asks for it, and write or send its spans when it has ended.

    Args:
        command: the command's name, such as `cluster up`.
        warn: receives a line where the spans could not be written or sent; the command's result stays.

    Raises:
        UsageError: the variable has an address that is not on this machine, or a file that cannot be written.
    """
    destination = os.environ.get(VARIABLE, "")
    if not destination:
        yield
        return
    deliver = _delivery(destination)
    parent = _PARENT.fullmatch(os.environ.get("TRACEPARENT", ""))
    trace = _CommandTrace(parent[1], parent[2]) if parent else _CommandTrace(os.urandom(16).hex(), "")
    token = _CURRENT.set(trace)
    try:
        with trace.span(f"sovereign-ai {command}") as whole:
            try:
                yield
                whole.exit_code = 0
            except Exception as error:
                # Typer's way of ending a command is no error of its own.
                whole.exit_code = getattr(error, "exit_code", 1)
                raise
    finally:
        _CURRENT.reset(token)
        try:
            deliver(trace.to_data())
        except OSError as error:
            warn(f"{VARIABLE}: the trace is lost: {error.strerror or 'no answer of OTLP'}")


def _delivery(destination: str) -> Callable[[dict[str, Any]], None]:
    """Return what takes a trace's spans.

    Raises:
        UsageError: the destination cannot be used.
    """
    if "://" in destination:
        match = _ADDRESS.fullmatch(destination)
        if match is None or not 0 < int(match[2] or _PORT) < 1 << 16:
            message = f"{VARIABLE} is an address, and not one on this machine"
            hint = f"a file, or http://127.0.0.1:{_PORT}; a collector there may send it on"
            raise UsageError(Problem("bad-trace", message, hint=hint))
        # A name could be made to lead elsewhere.
        host = "127.0.0.1" if match[1] == "localhost" else match[1].strip("[]")
        path = match[3] or "/"
        return partial(_send, host, int(match[2] or _PORT), _TRACES if path == "/" else path)
    file = Path(destination)
    try:
        os.close(open_to_append(file))
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is no name of a file"
        message = f"{VARIABLE}: {destination[:200]} cannot be written: {reason}"
        raise UsageError(Problem("bad-trace", message, hint="name a file in a folder that exists")) from None
    return partial(_append, file)


def _append(file: Path, data: dict[str, Any]) -> None:
    """Append a request to a file, as one line: commands that run at once do not mix theirs.

    Raises:
        OSError: the file cannot be written.
    """
    import orjson

    descriptor = open_to_append(file)
    try:
        os.write(descriptor, orjson.dumps(data) + b"\n")
    finally:
        os.close(descriptor)


def _send(host: str, port: int, path: str, data: dict[str, Any]) -> None:
    """Send a request to a receiver on this machine.

    Raises:
        OSError: it does not answer, or not with success.
    """
    from http.client import HTTPConnection, HTTPException

    import orjson

    connection = HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("POST", path, orjson.dumps(data), {"Content-Type": "application/json"})
        status = connection.getresponse().status
    except HTTPException:
        raise OSError from None
    finally:
        connection.close()
    if status >= _FIRST_ERROR:
        raise OSError(EREMOTEIO, f"the receiver answered {status}")

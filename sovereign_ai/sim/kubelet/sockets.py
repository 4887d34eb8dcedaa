"""gRPC over Unix sockets: servers for a kubelet, and calls to one.

A socket's path may have 107 bytes and a folder on the host can be deeper than that, so sockets are opened
through a descriptor of their folder (`/proc/self/fd/N/name`). Linux only, like the kubelet here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]

from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass

RpcError: type[Exception] = grpc.RpcError
"""The error of a failed call."""
_THREADS = 24
"""Streams of a kubelet that went away keep a thread each until their context ends."""
_CALL_SECONDS = 5.0
# No proxy of the environment, and an authority that is valid: gRPC would derive one from the socket's path.
_LOCAL = [("grpc.enable_http_proxy", 0), ("grpc.default_authority", "localhost")]


@frozen_dataclass
class Method:
    """One procedure that is served.

    Attributes:
        call: called with the request and gRPC's context; returns the answer, or with `stream` an iterator of
            answers.
        request: the class of the request.
        stream: whether it answers with a stream.
    """

    call: Callable[[Any, Any], Any]
    request: Any
    stream: bool = False


Services = Mapping[str, Mapping[str, Method]]
"""Service's full name to its methods by name."""


@dataclass(slots=True)
class Served:
    """A server that runs.

    Attributes:
        server: gRPC's own.
        paths: its sockets.
        descriptors: the sockets' folders, which must stay open as long as it runs.
    """

    server: Any
    paths: tuple[Path, ...]
    descriptors: list[int] = field(default_factory=list)

    def stop(self) -> None:
        """Stop it, and remove its sockets."""
        self.server.stop(grace=None).wait()
        for path in self.paths:
            # The node may be gone.
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        while self.descriptors:
            os.close(self.descriptors.pop())


def serve(paths: tuple[Path, ...], services: Services) -> Served:
    """Serve on sockets; files that an earlier process left in their place are replaced.

    Args:
        paths: the sockets; their folders exist.
        services: what is served, the same on each.

    Raises:
        EnvironmentLacksError: the server cannot listen on one.
    """
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=_LOCAL)
    for service, methods in services.items():
        handlers = {name: _handler(method) for name, method in methods.items()}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    served = Served(server, paths)
    for path in paths:
        path.unlink(missing_ok=True)
        descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        served.descriptors.append(descriptor)
        try:
            server.add_insecure_port(_address(descriptor, path))
        except RuntimeError as error:
            served.stop()
            location, hint = Where(file=str(path)), "the folder must be writable; as root, as kubelets are"
            problem = Problem("socket-unusable", "cannot listen on the socket", location, hint)
            raise EnvironmentLacksError(problem) from error
    server.start()
    return served


@contextmanager
def calling(path: Path) -> Iterator[Callable[[str, Any, Any], Any]]:
    """Open a socket for calls: `call("/service/Method", request, AnswerClass)`.

    Raises:
        OSError: the folder is not there.
    """
    descriptor = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    channel = grpc.insecure_channel(_address(descriptor, path), options=_LOCAL)

    def call(method: str, request: Any, answer: Any) -> Any:
        send = channel.unary_unary(method, type(request).SerializeToString, answer.FromString)
        return send(request, timeout=_CALL_SECONDS)

    try:
        yield call
    finally:
        channel.close()
        os.close(descriptor)


def reason(error: Exception) -> str:
    """Return the reason of a failed call in one line."""
    return str(error.details()) if isinstance(error, grpc.Call) else str(error)


def refuse(context: Any, reason: str) -> None:
    """End a call with a reason that its caller will report.

    Raises:
        Exception: always; gRPC ends the call by it.
    """
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, reason)


def _address(descriptor: int, path: Path) -> str:
    """Return gRPC's address of a socket by its open folder."""
    return f"unix:/proc/self/fd/{descriptor}/{path.name}"


def _handler(method: Method) -> Any:
    """Return a method in gRPC's own form."""
    make = grpc.unary_stream_rpc_method_handler if method.stream else grpc.unary_unary_rpc_method_handler
    return make(method.call, method.request.FromString, _written)


def _written(answer: Any) -> bytes:
    """Return an answer as bytes."""
    return bytes(answer.SerializeToString())

"""The project's own Pulumi language host for Python, on the published LanguageRuntime protocol.

The engine starts `pulumi-language-python`, reads a port from its first line of output, and calls.
A program runs in a process of its own (`language_program.py`), so that what it prints reaches the
engine and its crash is only its own; its configuration, which may hold secrets, goes to it through
a pipe and never through arguments or environment. Policy packs and plugins are run by `RunPlugin`.

Which Python runs a program: `PULUMI_PYTHON_CMD` if set; else the `virtualenv` option of the
project file; else the interpreter that runs this host.

The host ends when the engine does: the engine holds the other end of standard input.

It answers processes of its own account alone (`owner_only.py`), as do the programs and plugins it starts, and
runs only what the engine's command line or project names (`named_programs.py`).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO

import grpc  # type: ignore[import-untyped]

from sovereign_ai.deploy.language_host.named_programs import NamedPrograms, OnlyNamed
from sovereign_ai.deploy.language_host.packages import distributions, python_version, required_packages
from sovereign_ai.deploy.language_host.plugin_server import engine_address, serve
from sovereign_ai.deploy.language_host.protocol import language_pb2, language_pb2_grpc, plugin_pb2

_MOST_REPORT = 16 << 20
"""Bytes of a report: nothing, or the error of a program."""
_PROGRAM = Path(__file__).with_name("language_program.py")
_PLUGIN = Path(__file__).with_name("plugin_program.py")
_GRACE = 10.0
"""Seconds that a program or plugin has to end after SIGTERM."""


class PythonHost(language_pb2_grpc.LanguageRuntimeServicer):  # type: ignore[misc]  # untyped
    """Serves the engine's calls."""

    def __init__(self) -> None:
        """Begin without an engine; `Handshake` or the first argument names it."""
        self.engine_address = ""
        self._running: set[subprocess.Popen[bytes]] = set()
        self._guard = threading.Lock()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the protocol's names
        """Note the engine's address."""
        self.engine_address = request.engine_address or self.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Return the version of the protocol's SDK that this host is made of."""
        from importlib.metadata import version  # noqa: PLC0415 - wanted only here

        return plugin_pb2.PluginInfo(version=version("pulumi"))

    def About(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Name the interpreter that programs run in."""
        python = program_python(getattr(request, "info", None))
        return language_pb2.AboutResponse(executable=str(python), version=python_version(python))

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Name nothing, as the SDK's own server: engines ask for packages in its place."""
        return language_pb2.GetRequiredPluginsResponse()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Name the provider that each installed SDK wants, with the version its own file states."""
        packages = [
            plugin_pb2.PackageDependency(
                name=package.name, kind="resource", version=package.version, server=package.server
            )
            for package in required_packages(program_python(request.info))
        ]
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """List the Python packages that the program can import."""
        installed = distributions(program_python(request.info), transitive=request.transitiveDependencies)
        dependencies = [
            language_pb2.DependencyInfo(name=name, version=version) for name, version in installed
        ]
        return language_pb2.GetProgramDependenciesResponse(dependencies=dependencies)

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Ask nothing at `pulumi new`."""
        return language_pb2.RuntimeOptionsResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: ARG002, N802
        """Install nothing, and say so: the interpreter's packages are the user's own business."""
        text = (
            f"nothing is installed: programs run in {program_python(request.info)} with the packages it has\n"
        )
        yield language_pb2.InstallDependenciesResponse(stdout=text.encode())

    def GeneratePackage(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """Say that no SDK is generated: a Python program imports the component itself."""
        text = (
            "this host generates no SDKs for Python; in place of the package `sovereign`,"
            " import FactoryDeployment from sovereign_ai.deploy"
        )
        context.abort(grpc.StatusCode.UNIMPLEMENTED, text)

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run the program in a process of its own and give what it reports."""
        # Its own pipe, since what the program prints belongs to standard output.
        answer, its_end = os.pipe()
        argv = [str(program_python(request.info)), "-u", str(_PROGRAM), str(its_end)]
        folder = request.pwd or request.info.program_directory
        request.args[:] = [self.engine_address] if self.engine_address else list(request.args)
        with os.fdopen(answer, "rb") as reader:
            try:
                process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.PIPE, pass_fds=(its_end,))
            except OSError as error:
                return language_pb2.RunResponse(error=f"{argv[0]} does not start: {error.strerror}")
            finally:
                # Without this copy the reader sees the end of the pipe when the program ends.
                os.close(its_end)
            with self._known(process, context):
                report = _converse(process, request.SerializeToString(), reader)
        if report:
            return language_pb2.RunResponse.FromString(report[1:])
        return language_pb2.RunResponse(
            error=f"the program ended without a report, with exit code {process.returncode}"
        )

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a policy pack or a plugin; stream what it prints and, at last, its exit code."""
        python = str(program_python(request.info))
        where = request.info.program_directory or request.program
        is_pack = request.kind == "analyzer"
        start = (
            ["module", "pulumi.policy", *request.args, where] if is_pack else ["path", where, *request.args]
        )
        env = dict(item.partition("=")[::2] for item in request.env) or None
        try:
            process = subprocess.Popen(
                [python, "-u", str(_PLUGIN), *start],
                cwd=request.pwd or where,
                env=env,
                # Never written: it closes with this host, and a plugin that watches it ends then.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            yield language_pb2.RunPluginResponse(
                stderr=f"{python} does not start: {error.strerror}\n".encode()
            )
            yield language_pb2.RunPluginResponse(exitcode=127)
            return
        with self._known(process, context):
            for kind, data in _output(process):
                yield (
                    language_pb2.RunPluginResponse(stdout=data)
                    if kind == "stdout"
                    else language_pb2.RunPluginResponse(stderr=data)
                )
            yield language_pb2.RunPluginResponse(exitcode=process.wait())

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """End every program and plugin that runs."""
        from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]  # noqa: PLC0415

        self.end_all()
        return Empty()

    def end_all(self) -> None:
        """End every child: SIGTERM first, SIGKILL after a while."""
        with self._guard:
            children = list(self._running)
        for child in children:
            _end(child)

    def _known(self, process: subprocess.Popen[bytes], context: Any) -> _Known:
        """Watch over a child for as long as a call lasts."""
        return _Known(process, context, self._running, self._guard)


class _Known:
    """A child process that ends with its call, however the call ends."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        context: Any,
        running: set[subprocess.Popen[bytes]],
        guard: threading.Lock,
    ) -> None:
        self.process, self.running, self.guard = process, running, guard
        if not context.add_callback(lambda: _end(process)):
            # The call had ended before it could be watched.
            _end(process)

    def __enter__(self) -> None:
        with self.guard:
            self.running.add(self.process)

    def __exit__(self, *_: object) -> None:
        _end(self.process)
        with self.guard:
            self.running.discard(self.process)


def program_python(info: Any) -> Path:
    """Choose the interpreter for a program; the module's text gives the order."""
    named = os.environ.get("PULUMI_PYTHON_CMD", "")
    if named:
        return Path(named)
    options = dict(info.options) if info is not None and info.HasField("options") else {}
    folder = options.get("virtualenv")
    if isinstance(folder, str) and folder:
        python = Path(info.root_directory or info.program_directory, folder, "bin", "python")
        if python.is_file():
            return python
    return Path(sys.executable)


def _converse(process: subprocess.Popen[bytes], request: bytes, reader: BinaryIO) -> bytes:
    """Send the request to the program and wait for its report; closing its input ends it."""
    assert process.stdin is not None  # noqa: S101 - PIPE was asked for
    try:
        process.stdin.write(len(request).to_bytes(8, "big") + request)
        process.stdin.flush()
        report = _report(process, reader)
    except BrokenPipeError:
        # It ended before it had read the request, perhaps with a report of the reason.
        report = _report(process, reader)
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    return report


def _report(process: subprocess.Popen[bytes], reader: BinaryIO) -> bytes:
    """Wait for the end of a program, and return its report; none where it is longer than any report is."""
    report = reader.read(_MOST_REPORT + 1)
    if len(report) > _MOST_REPORT:
        process.kill()
        report = b""
    process.wait()
    return report


def _output(process: subprocess.Popen[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield the pieces of both streams as they come."""
    queue: SimpleQueue[tuple[str, bytes]] = SimpleQueue()

    def pump(kind: str, stream: BinaryIO) -> None:
        while data := os.read(stream.fileno(), 65536):
            queue.put((kind, data))
        queue.put((kind, b""))

    streams = [
        (kind, stream)
        for kind, stream in (("stdout", process.stdout), ("stderr", process.stderr))
        if stream is not None
    ]
    for kind, stream in streams:
        threading.Thread(target=pump, args=(kind, stream), daemon=True).start()
    open_streams = len(streams)
    while open_streams:
        kind, data = queue.get()
        if data:
            yield kind, data
        else:
            open_streams -= 1


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a child if it still runs."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(arguments: Sequence[str]) -> None:
    """Serve on a free loopback port, print it, and stay until the engine goes."""
    host = PythonHost()
    host.engine_address = engine_address(arguments)
    only_named = OnlyNamed(NamedPrograms(os.getppid()))
    serve(
        lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server),
        host.end_all,
        interceptors=(only_named,),
    )

"""Run one Pulumi program in this process; started by the language host, never imported by it.

The interpreter may be a project's own and need not have this package, so nothing but the Pulumi
SDK is imported. The request comes on standard input, its length first; the report goes to the file
descriptor that the first argument names. When standard input ends, the host is gone and so is this.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import logging
import os
import runpy
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

_PER_PARALLEL = 4
"""Threads a unit of parallelism, as in the SDK's own server."""

_OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""New objects until Python looks for cycles: with its default of 700, a fifth of a large program's time."""
_COMMAND = "SOVEREIGN_AI_TRIED"
"""Set where a command of this tool runs the engine (`deploy/dry_run.py`), and never with `--debug`."""
_MARK = b"R"
"""Begins a report, since a report of success has no bytes of its own."""


def main() -> None:
    """Read the request, run the program, write the report."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    report = os.fdopen(int(sys.argv[1]), "wb")
    os.set_inheritable(report.fileno(), False)  # noqa: FBT003 - positional-only
    length = int.from_bytes(sys.stdin.buffer.read(8), "big")
    text = sys.stdin.buffer.read(length)
    threading.Thread(target=_die_with_the_host, args=(os.dup(0),), daemon=True).start()
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    sys.path[:] = [folder for folder in sys.path if folder != str(Path(__file__).parent)]

    import grpc  # type: ignore[import-untyped]  # noqa: PLC0415 - only once the path is right
    from pulumi.runtime.proto import language_pb2  # noqa: PLC0415

    _close_ports_to_others(grpc)
    response = _run(language_pb2.RunRequest.FromString(text))
    sys.stdout.flush()
    sys.stderr.flush()
    report.write(_MARK + response.SerializeToString())
    report.flush()
    os._exit(0)


def _die_with_the_host(descriptor: int) -> None:
    """End this process when the host's end of the pipe closes."""
    while os.read(descriptor, 4096):
        pass
    os._exit(1)


def _close_ports_to_others(grpc: Any) -> None:
    """Close the ports that the program opens, such as the SDK's for callbacks, to other accounts."""
    spec = importlib.util.spec_from_file_location("_owner_only", Path(__file__).with_name("owner_only.py"))
    assert spec is not None  # noqa: S101 - the name ends with .py
    assert spec.loader is not None  # noqa: S101
    owner_only = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(owner_only)
    owner_only.protect(grpc)


def _run(request: Any) -> Any:
    """Configure the SDK as requested and run the program inside its event loop."""
    import grpc  # noqa: PLC0415
    from pulumi import RunError, log  # noqa: PLC0415
    from pulumi.runtime import reset_options, run_in_stack, set_all_config  # noqa: PLC0415
    from pulumi.runtime.proto import language_pb2  # noqa: PLC0415

    reset_options(
        project=request.project,
        stack=request.stack,
        parallel=request.parallel,
        engine_address=request.args[0] if request.args else "",
        monitor_address=request.monitor_address,
        preview=request.dryRun,
        organization=request.organization or "organization",
    )
    set_all_config(dict(request.config), list(request.configSecretKeys))
    if _COMMAND in os.environ:
        log.debug = _discard_log
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=max(request.parallel, 1) * _PER_PARALLEL))
    logging.getLogger("asyncio").setLevel(
        logging.CRITICAL
    )  # a failed resource is reported once, by the engine
    try:
        _before_deletions(partial(_require_requested_drops, request))
        loop.run_until_complete(run_in_stack(_program(request)))
    except SystemExit as error:
        return language_pb2.RunResponse(
            error=f"the program ended with exit code {error.code}" if error.code not in (None, 0) else ""
        )
    except RunError as error:
        log.error(str(error))
    except grpc.RpcError as error:
        if (
            error.code() != grpc.StatusCode.UNAVAILABLE
        ):  # unavailable: the engine is shutting down and knows why
            return language_pb2.RunResponse(error=f"the engine refused a call: {error.details()}")
    except BaseException as error:  # noqa: BLE001 - whatever the program raises is its own and is reported
        log.error(_explain(error))
    else:
        return language_pb2.RunResponse()
    return language_pb2.RunResponse(bail=True)


def _before_deletions(require_hold: Callable[[], object]) -> None:
    """Have a function called when a program has registered everything, before the engine deletes the rest.

    The SDK then tells the engine that it has ended, which is the only sign of it. An SDK without that call
    has no delete hooks either; what such a program drops is not asked for.
    """
    from pulumi.runtime import stack  # noqa: PLC0415

    notify_engine = getattr(stack, "_wait_for_shutdown", None)
    if notify_engine is None:
        return

    async def check_first() -> None:
        require_hold()
        await notify_engine()

    stack._wait_for_shutdown = check_first  # noqa: SLF001 - there is no other place to ask at


def _require_requested_drops(request: Any) -> None:
    """Refuse that the engine deletes a factory which the program declares no more, without being asked to."""
    try:
        from sovereign_ai.deploy.moves.dropped_deployments import require_requested_drops  # noqa: PLC0415
    except ImportError:
        # An interpreter without this package has deployed no factory.
        return
    require_requested_drops(request.organization or "organization", request.project, request.stack)


def _discard_log(*_arguments: Any, **_options: Any) -> None:
    """Take the place of the SDK's debug lines where nobody can see them.

    It sends seven for each component, each in a call of its own for which the program waits.
    """


def _program(request: Any) -> Any:
    """Return the function that runs the user's entry point as `__main__`."""
    folder = Path(request.info.program_directory or request.pwd)
    entry = request.info.entry_point or request.program or "."
    path = folder / entry

    def run() -> None:
        sys.argv = [str(path)]
        sys.path.insert(0, str(path if path.is_dir() else path.parent))
        runpy.run_path(str(path), run_name="__main__")

    return run


def _explain(error: BaseException) -> str:
    """Return an error as text: its problems if it has any, else the user's part of the traceback."""
    if getattr(error, "problems", None):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    first = next((number for number, frame in enumerate(frames) if "runpy" in frame.filename), -1) + 1
    own = [frame for frame in frames[first:] if "runpy" not in frame.filename]
    lines = ["the program failed:", *traceback.format_list(own), *traceback.format_exception_only(error)]
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    main()

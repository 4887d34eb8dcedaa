"""Ask a tool for its version by running it.

A binary is run with the arguments that its row names. A Pulumi plugin prints a port and is asked
over its own protocol, since plugins have no argument for it. Whatever goes wrong, the answer is
an empty text: a tool that cannot say its version does not suit.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from functools import partial
from pathlib import Path

from sovereign_ai.errors import SovereignError
from sovereign_ai.files import captured
from sovereign_ai.toolchain.table import Tool

_MOST_LINE = 64
"""Bytes of the line in which a plugin says its port."""
_LIMIT = 20.0


def version_of(row: Tool, path: Path) -> str:
    """Return the version a binary states, or an empty text if it states none within 20 seconds."""
    if row.kind == "plugin":
        return _plugin_version(
            path, "LanguageRuntime" if row.name.startswith("pulumi-language-") else "ResourceProvider"
        )
    try:
        done = captured([str(path), *row.version_arguments], seconds=_LIMIT, environment=_environment())
    except (OSError, subprocess.TimeoutExpired, SovereignError):
        return ""
    match = re.search(row.pattern, (done.stdout + done.stderr).decode(errors="replace"))
    return match[1] if match else ""


def _environment() -> dict[str, str]:
    """Return an environment in which a tool neither calls home nor looks for a user's configuration."""
    quiet = {"PULUMI_SKIP_UPDATE_CHECK": "true", "GOTOOLCHAIN": "local", "KUBECONFIG": os.devnull}
    return os.environ | quiet


def _plugin_version(path: Path, service: str) -> str:
    """Start a Pulumi plugin, read its port, ask GetPluginInfo of its service, end it."""
    import grpc  # type: ignore[import-untyped]  # noqa: PLC0415 - slow to import, and wanted only here
    from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]  # noqa: PLC0415
    from pulumi.runtime.proto.language_pb2_grpc import LanguageRuntimeStub  # noqa: PLC0415
    from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub  # noqa: PLC0415

    stub = LanguageRuntimeStub if service == "LanguageRuntime" else ResourceProviderStub
    try:
        process = subprocess.Popen(
            [str(path), "127.0.0.1:1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )
    except OSError:
        return ""
    end = partial(os.killpg, process.pid, signal.SIGKILL)
    late = threading.Timer(_LIMIT, end)
    late.start()
    try:
        line = process.stdout.readline(_MOST_LINE) if process.stdout else b""
        port = line.decode(errors="replace").strip()
        if not port.isdigit():
            return ""
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            return str(stub(channel).GetPluginInfo(Empty(), timeout=_LIMIT).version).removeprefix("v")
    except (OSError, grpc.RpcError):
        return ""
    finally:
        late.cancel()
        late.join()
        end()  # it is not reaped yet, so that its group is its own
        if process.stdout:
            process.stdout.close()
        process.wait()

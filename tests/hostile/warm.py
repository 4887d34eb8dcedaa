"""Imports and caches everything that the cases need, once, before processes are forked."""

from __future__ import annotations

import importlib
import io
import pkgutil
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

_SKIPPED = (
    "sovereign_ai.deploy.package",
    "sovereign_ai.deploy.hosts.provider.",
    "sovereign_ai.cluster.api.protobuf",
    "sovereign_ai.deploy.language_host",
    "sovereign_ai.sim.kubelet",
)
"""What starts threads or loads gRPC when it is imported; no reader that is tried needs it, but one module."""


def warm() -> None:
    """Import the package's modules and derive one plan."""
    import sovereign_ai

    for found in pkgutil.walk_packages(sovereign_ai.__path__, "sovereign_ai."):
        if found.name.startswith(_SKIPPED) or found.name.endswith("__main__"):
            continue
        if not found.name.startswith(
            (
                "sovereign_ai.cli",
                "sovereign_ai.assess",
                "sovereign_ai.attest",
                "sovereign_ai.spec",
                "sovereign_ai.plan",
                "sovereign_ai.rules",
                "sovereign_ai.render",
                "sovereign_ai.verify.redfish",
                "sovereign_ai.operate",
                "sovereign_ai.files",
            )
        ):
            continue
        with suppress(ImportError):
            importlib.import_module(found.name)
    for name in (
        "sovereign_ai.cluster.api.client",
        "sovereign_ai.cluster.crds",
        "sovereign_ai.cluster.api.credentials",
        "sushy",
        "typer.main",
    ):
        importlib.import_module(name)
    from typer.main import get_command

    from sovereign_ai.cli import main
    from sovereign_ai.cli.stack import open_stack

    program = get_command(
        main.app
    )  # building it is most of what a small command takes, and it is the same in every case
    main.get_command = lambda _app: program

    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        open_stack(Path(__file__).with_name("small.yaml"))

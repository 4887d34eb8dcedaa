"""checkov and kube-score, each in an environment of its own, and what they find in some files.

checkov's dependencies contradict the engine's, so it gets a virtual environment below the cache;
kube-score is a tool of the table that `tools install` leaves alone. Neither speaks to anybody.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.toolchain.cache import cache_dir
from sovereign_ai.toolchain.install import install

CHECKOV = "3.3.30"
KUBERNETES = "v1.37"
_SECONDS = 600
_FINE = 10
"""kube-score's grade for nothing to say."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What a linter says of one object.

    Attributes:
        tool: `checkov` or `kube-score`.
        check: the linter's id of the check.
        stack: whose object it is: the name of the file's folder.
        resource: `Kind/namespace/name`, or `Kind/name`.
        says: what it says, in its own words.
    """

    tool: str
    check: str
    stack: str
    resource: str
    says: str


@dataclass(frozen=True, slots=True)
class Linted:
    """What a linter found, and how many objects it looked at."""

    findings: tuple[Finding, ...]
    objects: int


def checkov(folder: Path, progress: Callable[[str], None]) -> Linted:
    """Have checkov look at a stack's folder of files.

    Raises:
        EnvironmentLacksError: it could not be installed, or it failed.
    """
    program = _checkov_environment(progress) / "bin" / "checkov"
    command = [
        str(program),
        "-d",
        str(folder),
        "--framework",
        "kubernetes",
        "-o",
        "json",
        "--compact",
        "--skip-download",
    ]
    report = json.loads(_run(command, {0, 1}))
    found = (
        [] if report.get("passed") == 0 and "results" not in report else report["results"]["failed_checks"]
    )
    findings = (
        Finding("checkov", one["check_id"], folder.name, _of_checkov(one["resource"]), one["check_name"])
        for one in found
    )
    return Linted(tuple(sorted(findings)), int(report.get("summary", report)["resource_count"]))


def kube_score(folder: Path, progress: Callable[[str], None]) -> Linted:
    """Have kube-score look at a stack's folder of files.

    Raises:
        EnvironmentLacksError: it could not be built, or it failed.
    """
    program = install(["kube-score"], progress=progress)["kube-score"]
    files = sorted(str(path) for path in folder.glob("*.yaml"))
    report = json.loads(
        _run([str(program), "score", "-o", "json", "--kubernetes-version", KUBERNETES, *files], {0, 1})
    )
    return Linted(tuple(sorted(set(_of_kube_score(report or [], folder.name)))), len(report or []))


def _of_kube_score(report: list[dict[str, Any]], stack: str) -> Iterator[Finding]:
    """Read kube-score's report."""
    for obj in report:
        metadata = obj["object_meta"]
        resource = "/".join(
            part
            for part in (obj["type_meta"]["kind"], metadata.get("namespace", ""), metadata["name"])
            if part
        )
        for one in obj["checks"]:
            if not one["skipped"] and one["grade"] < _FINE:
                says = "; ".join(sorted({comment["summary"] for comment in one["comments"] or []}))
                yield Finding("kube-score", one["check"]["id"], stack, resource, says)


def _of_checkov(resource: str) -> str:
    """Write `Kind.namespace.name` as we do; checkov says `default` where an object lies in no namespace."""
    kind, namespace, name = resource.split(".", 2)
    return f"{kind}/{name}" if namespace == "default" else f"{kind}/{namespace}/{name}"


def _checkov_environment(progress: Callable[[str], None]) -> Path:
    """Make the virtual environment once; it is whole when its mark is there."""
    folder = cache_dir() / "lint" / f"checkov-{CHECKOV}-py{sys.version_info.major}.{sys.version_info.minor}"
    mark = folder / ".whole"
    if not mark.exists():
        progress(f"checkov {CHECKOV}: installing into an environment of its own")
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], {0})
        _run(
            [
                str(folder / "bin" / "pip"),
                "install",
                "--quiet",
                "--disable-pip-version-check",
                f"checkov=={CHECKOV}",
            ],
            {0},
        )
        mark.touch()
    return folder


def _run(command: list[str], fine: set[int]) -> str:
    """Run a program and give what it prints.

    Raises:
        EnvironmentLacksError: it ended with another status than those that are fine.
    """
    environment = {**os.environ, "LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=environment
    )
    if done.returncode not in fine:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        message = f"{Path(command[0]).name} ended with status {done.returncode}: {' '.join(last)[:300]}"
        raise EnvironmentLacksError(Problem("linter-failed", message, hint="run it by hand to see more"))
    return done.stdout

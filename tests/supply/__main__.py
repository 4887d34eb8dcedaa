"""Compares the locked Python packages and the installed tools with the databases of known vulnerabilities.

    python -m tests.supply        exit code 1 names what has one; where no database answers, it says so and passes

pip-audit asks OSV or PyPI about each package of the lock; govulncheck compares the symbols of each Go binary
with Go's database. Both programs are installed into a folder of their own, `.sovereign/audit`, since the
project itself does not need them.
"""  # noqa: E501 - one literal text

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sovereign_ai.errors import SovereignError
from sovereign_ai.toolchain.bill_of_materials import installed
from sovereign_ai.toolchain.locate import located
from sovereign_ai.toolchain.table import TOOLS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".sovereign" / "audit"
PIP_AUDIT, GOVULNCHECK = "pip-audit==2.9.0", "golang.org/x/vuln/cmd/govulncheck@v1.1.4"
_LIMIT = 900


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of asking a database.

    Attributes:
        what: what was compared.
        found: each known vulnerability, in words.
        unasked: why the database was not asked; empty if it was.
    """

    what: str
    found: tuple[str, ...] = ()
    unasked: str = ""


def main() -> int:
    """Ask both databases."""
    audits = [packages(), *tools()]
    for audit in audits:
        print(f"{audit.what}: {audit.unasked or f'{len(audit.found)} known vulnerabilities'}")
        print("".join(f"  {line}\n" for line in audit.found), end="")
    return 1 if any(audit.found for audit in audits) else 0


def packages() -> Audit:
    """Compare the locked Python packages."""
    what = "Python packages of requirements.lock"
    program = FOLDER / "bin" / "pip-audit"
    if not program.exists():
        steps = (
            [sys.executable, "-m", "venv", str(FOLDER)],
            [str(FOLDER / "bin" / "pip"), "install", "--quiet", PIP_AUDIT],
        )
        if reason := next((reason for step in steps if (reason := _failed(step))), ""):
            return Audit(what, unasked=f"not compared, pip-audit cannot be installed: {reason}")
    command = [
        str(program),
        "--format",
        "json",
        "--disable-pip",
        "--require-hashes",
        "--requirement",
        str(ROOT / "requirements.lock"),
    ]
    return report(what, *_run(command))


def report(what: str, output: str, errors: str) -> Audit:
    """Read what pip-audit printed: JSON where the database answered, and only errors where it did not."""
    try:
        rows = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Audit(what, unasked=f"not compared, no database is reachable: {_last(errors)}")
    found = [f"{row['name']} {row['version']}: {one['id']}" for row in rows for one in row.get("vulns", [])]
    return Audit(what, tuple(found))


def tools() -> list[Audit]:
    """Compare the installed Go binaries."""
    what = "Go binaries of the toolchain"
    try:
        go, binaries = located(TOOLS["go"]), installed()
    except SovereignError as error:
        return [Audit(what, unasked=f"not compared: {error.problems[0].message}")]
    if go is None:
        return [Audit(what, unasked="not compared: Go is not installed; `sovereign-ai tools install go`")]
    environment = {**os.environ, "GOBIN": str(FOLDER / "bin"), "GOFLAGS": "-mod=readonly"}
    if reason := _failed([str(go.path), "install", GOVULNCHECK], environment):
        return [Audit(what, unasked=f"not compared, govulncheck cannot be installed: {reason}")]
    return [_vulnerable(name, path) for name, path in sorted(binaries.items())]


def _vulnerable(name: str, path: Path) -> Audit:
    """Compare one binary."""
    output, errors = _run(
        [str(FOLDER / "bin" / "govulncheck"), "-mode", "binary", "-format", "openvex", str(path)]
    )
    try:
        statements = json.loads(output).get("statements") or []
    except (ValueError, AttributeError):
        return Audit(name, unasked=f"not compared, no database is reachable: {_last(errors)}")
    return Audit(
        name,
        tuple(str(one["vulnerability"]["name"]) for one in statements if one.get("status") == "affected"),
    )


def _run(command: list[str]) -> tuple[str, str]:
    """Run a program; return what it printed on both streams."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    return done.stdout, done.stderr


def _failed(command: list[str], environment: dict[str, str] | None = None) -> str:
    """Run a program; return why it failed, or nothing."""
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return _last(done.stderr + done.stdout) if done.returncode else ""


def _last(text: str) -> str:
    """Return the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it says nothing")[
        :200
    ]


if __name__ == "__main__":
    sys.exit(main())

"""Ask Docker's command line, as kind does, so that both speak to the same container engine.

docker = Docker()
docker.text("info", "--format", "{{.ServerVersion}}")
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.files import TOOL, captured, opened

INSTALL_HINT = (
    "install and start it"
    " (Debian: `apt-get install docker.io`, then `sovereign-ai cluster engine up` as root)"
)
ENGINE_VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "HOME")
"""Variables that decide which container engine a process uses."""
_LIMIT = 120.0


class Docker:
    """One container engine, behind the `docker` program on PATH."""

    def run(
        self, *arguments: str, feed: bytes | None = None, source: Path | None = None, limit: float = _LIMIT
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one command to its end, whatever becomes of it.

        Args:
            arguments: behind `docker`.
            feed: bytes for its standard input.
            source: a file for its standard input.
            limit: seconds it may take.

        Raises:
            EnvironmentLacksError: there is no such program, or it took too long.
        """
        try:
            if source is not None:
                with opened(source, TOOL) as handle:
                    return captured(["docker", *arguments], source=handle, seconds=limit)
            return captured(["docker", *arguments], feed=feed or b"", seconds=limit)
        except FileNotFoundError:
            raise EnvironmentLacksError(
                Problem("no-engine", "there is no container engine: no `docker` on PATH", hint=INSTALL_HINT)
            ) from None
        except subprocess.TimeoutExpired:
            what = f"`docker {' '.join(arguments[:2])}` gave no answer within {limit:g} s"
            raise EnvironmentLacksError(
                Problem("engine-silent", what, hint="see the container engine's log; start it again")
            ) from None

    def text(
        self, *arguments: str, feed: bytes | None = None, source: Path | None = None, limit: float = _LIMIT
    ) -> str:
        """Run one command and give what it printed, without the blank ends.

        Raises:
            EnvironmentLacksError: it failed; the text holds its last words.
        """
        done = self.run(*arguments, feed=feed, source=source, limit=limit)
        if done.returncode:
            last_lines = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
            reason = " | ".join(last_lines)[-600:] or f"exit {done.returncode}"
            message = f"`docker {' '.join(arguments[:3])}` failed: {reason}"
            hint = "`sovereign-ai doctor` looks at the container engine"
            raise EnvironmentLacksError(Problem("engine-failed", message, hint=hint))
        return done.stdout.decode(errors="replace").strip()

    def lines(self, *arguments: str) -> list[str]:
        """Run one command and give its lines that are not empty."""
        return [line for line in self.text(*arguments).splitlines() if line]

    def answers(self) -> str:
        """Return the engine's version if it answers, else an empty text."""
        if shutil.which("docker") is None:
            return ""
        try:
            done = self.run("version", "--format", "{{.Server.Version}}", limit=20)
        except EnvironmentLacksError:
            return ""
        return done.stdout.decode().strip() if done.returncode == 0 else ""

    def silence(self) -> str:
        """Return why no engine answers, in the program's own last line.

        The text is empty if there is no program, or if it prints nothing.
        """
        if shutil.which("docker") is None:
            return ""
        try:
            done = self.run("version", "--format", "{{.Server.Version}}", limit=20)
        except EnvironmentLacksError as error:
            return error.problems[0].message
        if not done.returncode:
            return ""
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return lines[-1][-300:] if lines else ""

    def has_image(self, name: str) -> bool:
        """Return whether an image is there."""
        return self.run("image", "inspect", name).returncode == 0

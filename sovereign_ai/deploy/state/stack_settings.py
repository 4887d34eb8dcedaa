"""The file `Pulumi.<stack>.yaml` in a stack's folder, and the line in it with the salt of the state's key.

Settings that a user wrote are never overwritten. A folder that cannot be written, such as a checkout that is
mounted read-only, is deployed all the same: the engine then reads the salt from its working copy.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from errno import EACCES, EPERM, EROFS
from pathlib import Path

import yaml

from sovereign_ai.deploy.state.durable import write_durably
from sovereign_ai.errors import EnvironmentLacksError, Problem, SpecError, Where
from sovereign_ai.files import SETTINGS, load_foreign, read

_SALT = "encryptionsalt:"
_READ_ONLY = frozenset({EACCES, EPERM, EROFS})


def salt_line(salt: str) -> bytes:
    """Return the line by which the engine finds a salt."""
    return f"{_SALT} {salt}\n".encode()


class StackSettings:
    """The settings of one stack.

    Args:
        path: their file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def salt(self) -> bytes:
        """The line with the salt; empty where there is none."""
        lines = self._text().splitlines(keepends=True)
        return "".join(line for line in lines if line.startswith(_SALT)).encode()

    def holds_only_salt(self) -> bool:
        """Return whether the settings may be overwritten without losing anything that a user wrote.

        Raises:
            SpecError: they are damaged.
        """
        try:
            content = load_foreign(self._text()) if os.path.lexists(self.path) else None
        except (yaml.YAMLError, ValueError):
            message = "the stack's settings are no YAML"
            hint = "put them back as they were; or remove the file, and what was set in it is lost"
            problem = Problem("settings-damaged", message, Where(str(self.path)), hint)
            raise SpecError(problem) from None
        return not content or (isinstance(content, dict) and content.keys() <= {_SALT.rstrip(":")})

    def give(self, salt: bytes, instead: Path | None) -> Path | None:
        """Write the line with a salt, unless it is there or the settings are a user's own.

        Args:
            salt: the line.
            instead: a folder for a file of this name where the stack's own folder cannot be written.

        Returns:
            The file in that folder; None where the settings are in their place.

        Raises:
            EnvironmentLacksError: the stack's folder cannot be written, and there is no other.
            OSError: the file cannot be written for another reason.
        """
        if not self.holds_only_salt() or self._has(salt):
            return None
        try:
            write_durably(self.path, salt)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            if instead is None:
                raise EnvironmentLacksError(self._read_only(error)) from None
            other = instead / self.path.name
            write_durably(other, salt)
            return other
        return None

    def remove(self) -> None:
        """Remove the settings where they hold nothing but a salt; in a read-only folder they stay."""
        with _unless_read_only():
            if self.holds_only_salt():
                self.path.unlink(missing_ok=True)

    def _has(self, salt: bytes) -> bool:
        return os.path.lexists(self.path) and read(self.path, SETTINGS) == salt

    def _text(self) -> str:
        """Return the content of the file.

        Raises:
            UsageError: it is no regular file, or too large.
        """
        return read(self.path, SETTINGS).decode()

    def _read_only(self, error: OSError) -> Problem:
        message = f"a plain `pulumi` reads the state's salt there, and it cannot be written: {error.strerror}"
        hint = "make the folder writable, or copy it; `sovereign-ai up` needs no such file"
        return Problem("folder-read-only", message, Where(str(self.path)), hint)


@contextlib.contextmanager
def _unless_read_only() -> Iterator[None]:
    """Let nothing be done in a folder that is read-only: the next state writes its own salt elsewhere."""
    try:
        yield
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise

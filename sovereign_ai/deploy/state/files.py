"""The paths of one stack's state: Pulumi's files, and this tool's records beside them.

A stack is named by its project and its own name; for stack `lab` of project `lab`:

    pulumi/                         the backend folder of `PULUMI_BACKEND_URL`
      .pulumi/meta.yaml             Pulumi's layout version
      .pulumi/stacks/lab/lab.json   the checkpoint of stack lab of project lab
      .pulumi/locks/organization/lab/lab/*.json
      lab.salt                      the salt that goes into Pulumi.lab.yaml
      epochs/lab/lab/               this tool's records, which Pulumi ignores
        lock  owner.json            the process that works on the stack (`stack_lock.py`)
        key.json                    which key file was found to open the state (`state_key.py`)
        epoch.json  copies/7.json   the states that were written, and the last good copies (`epochs.py`)
        runs/12-3456-789-ab/        a backend folder for one run of the engine (`working_copy.py`)
"""

from __future__ import annotations

import zlib
from pathlib import Path

from sovereign_ai.deploy.state.kept_files import content_of
from sovereign_ai.errors import EnvironmentLacksError, Problem, SpecError, Where
from sovereign_ai.files import CHECKPOINT, PROJECT, decode, parse, read
from sovereign_ai.frozen_dataclass import frozen_dataclass

META = b"version: 1\n"
"""Content of Pulumi's `meta.yaml` for the layout with projects (pkg/backend/diy/meta.go)."""
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_MOST_UNPACKED = 1 << 30
"""The most bytes of a checkpoint; a small file may unpack to any size."""
_ZSTD = ".zst"
_GZIP = ".gz"
_NO_NAMES = frozenset({"", ".", ".."})


@frozen_dataclass
class StackFiles:
    """The files of one stack.

    Attributes:
        folder: the backend folder.
        project: the Pulumi project's name.
        stack: the stack's name.
        arguments: how a `sovereign-ai state` command names this stack, for hints.
    """

    folder: Path
    project: str
    stack: str
    arguments: str

    @property
    def checkpoint(self) -> Path:
        """Pulumi's checkpoint, without compression."""
        return self.folder / ".pulumi" / "stacks" / self.project / f"{self.stack}.json"

    @property
    def meta(self) -> Path:
        """Pulumi's layout version."""
        return self.folder / ".pulumi" / "meta.yaml"

    @property
    def pulumi_locks(self) -> Path:
        """Folder of Pulumi's own locks on the stack."""
        return self.folder / ".pulumi" / "locks" / "organization" / self.project / self.stack

    @property
    def history(self) -> Path:
        """Folder in which a plain `pulumi up` keeps what it did."""
        return self.folder / ".pulumi" / "history" / self.project / self.stack

    @property
    def backups(self) -> Path:
        """Folder in which a plain `pulumi up` keeps copies."""
        return self.folder / ".pulumi" / "backups" / self.project / self.stack

    @property
    def salt(self) -> Path:
        """The salt that belongs to the state."""
        return self.folder / f"{self.stack}.salt"

    @property
    def records(self) -> Path:
        """Folder of this tool's records."""
        return self.folder / "epochs" / self.project / self.stack

    @property
    def manifest(self) -> Path:
        """What was written, and when."""
        return self.records / "epoch.json"

    @property
    def copies(self) -> Path:
        """The last good copies."""
        return self.records / "copies"

    @property
    def runs(self) -> Path:
        """Working copies of runs."""
        return self.records / "runs"

    @property
    def key_note(self) -> Path:
        """Which key file was found to open the state (`state_key.py`)."""
        return self.records / "key.json"

    @property
    def moved(self) -> Path:
        """Names the folder to which the state was moved; there only if it was."""
        return self.records / "moved.json"

    @property
    def variants(self) -> tuple[Path, Path, Path]:
        """The checkpoint as Pulumi may write it: plain, by gzip, by zstd."""
        plain = self.checkpoint
        return plain, plain.with_name(plain.name + _GZIP), plain.with_name(plain.name + _ZSTD)

    @property
    def exists(self) -> bool:
        """Whether there is a checkpoint."""
        return any(path.exists() for path in self.variants)

    def current(self) -> Path:
        """Return the checkpoint that Pulumi reads: the newest of its variants.

        The plain one where none exists.
        """
        existing = [path for path in self.variants if path.exists()]
        return max(existing, key=lambda path: path.stat().st_mtime_ns, default=self.checkpoint)

    def read(self) -> bytes | None:
        """Return the checkpoint's content without compression; None if there is none.

        Raises:
            EnvironmentLacksError: it is compressed by zstd, which only Pulumi reads, or it cannot be read.
        """
        path = self.current()
        if path.suffix == _ZSTD:
            # Python has no zstd in its standard library before 3.14.
            hint = (
                "unset PULUMI_DIY_BACKEND_ZSTD and write it anew: `pulumi stack export | pulumi stack import`"
            )
            message = "the state is compressed by zstd"
            raise EnvironmentLacksError(Problem("state-compressed", message, Where(str(path)), hint))
        data = content_of(path, CHECKPOINT)
        return None if data is None else unpacked(data)


def unpacked(data: bytes) -> bytes:
    """Return a checkpoint's content without gzip.

    Damaged content stays as it is, for its reader to refuse.
    """
    if not data.startswith(b"\x1f\x8b"):
        return data
    unzipping = zlib.decompressobj(_GZIP_WINDOW)
    try:
        whole = unzipping.decompress(data, _MOST_UNPACKED)
    except zlib.error:
        return data
    # A stream that is cut short raises no error: only `eof` shows that it is whole, and within the limit.
    return whole if unzipping.eof else data


def project_of(folder: Path) -> str:
    """Return the name of the Pulumi project in a folder.

    Raises:
        SpecError: `Pulumi.yaml` cannot be read, or names no project.
    """
    path = folder / "Pulumi.yaml"
    if not path.exists():
        hint = "make a stack with `sovereign-ai init FOLDER`"
        raise SpecError(Problem("no-project", "the folder has no Pulumi.yaml", Where(str(path)), hint))
    text = decode(read(path, PROJECT), str(path), PROJECT)
    content = parse(text, str(path), PROJECT, lenient=True).data
    name = content.get("name") if isinstance(content, dict) else None
    # The name becomes a folder's: it must not lead out of the backend.
    if not isinstance(name, str) or name in _NO_NAMES or "/" in name:
        raise SpecError(_no_project(path, "the project has no name"))
    return name


def _no_project(path: Path, message: str) -> Problem:
    """Return the problem of a project file that names no project."""
    hint = "write `name: NAME` and `runtime: python` into it"
    return Problem("no-project", message, Where(str(path)), hint)

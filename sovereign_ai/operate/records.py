"""Where grants stand: one file each in the plane's own folder, which no right on the cluster reaches.

    <plane>/access/            of mode 0700
      1f2e3d4c.json            the grant, written once by who gives it
      1f2e3d4c.revoked         when it was ended early, and why
      1f2e3d4c.state           what the operator did: opened, closed
      1f2e3d4c.kubeconfig      the person's, until the end

No file has two writers. A file that cannot be read is no grant, and is told; a `.revoked` that cannot be read ends the
grant all the same, since nothing else is ever said by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.cluster.state import Place, write_json, write_private
from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.operate.grants import MOST, Grant

_DAMAGED = "its reason cannot be read"


@dataclass(frozen=True, slots=True)
class Record:
    """A grant and what became of it.

    Attributes:
        grant: the grant.
        opened: when its binding was made; empty before.
        revoked: why it was ended early; empty if it was not.
        closed: when its binding was gone for good; empty before.
        why: why it was closed: `ended`, `revoked`, `removed` (by somebody else), or what the API server said to it.
    """

    grant: Grant
    opened: str = ""
    revoked: str = ""
    closed: str = ""
    why: str = ""

    def stands(self, now: datetime) -> bool:
        """Tell whether its binding may be there now."""
        return not self.revoked and not self.closed and self.grant.counts(now)

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        state = {"opened": self.opened, "revoked": self.revoked, "closed": self.closed, "why": self.why}
        return {**self.grant.to_data(), "user": self.grant.user, **state}


def folder_of(where: Place) -> Path:
    """Give the folder of a plane's grants; it need not be there."""
    return where.folder / "access"


def kubeconfig_of(where: Place, id_: str) -> Path:
    """Give the file of the person's kubeconfig."""
    return folder_of(where) / f"{id_}.kubeconfig"


def records(where: Place) -> tuple[list[Record], list[str]]:
    """Read all grants, the newest last, and name the files that hold none."""
    found, broken = [], []
    for path in sorted(folder_of(where).glob("*.json")):
        try:
            grant = Grant.from_data(orjson.loads(path.read_bytes()))
            revoked, state = _revoked(path.with_suffix(".revoked")), _read(path.with_suffix(".state"))
        except (OSError, ValueError) as error:
            broken.append(f"{path.name}: {error}")
            continue
        if grant.id != path.stem:
            broken.append(f"{path.name}: it holds the grant {grant.id}")
            continue
        found.append(Record(grant, state.get("opened", ""), revoked, state.get("closed", ""), state.get("why", "")))
    return sorted(found, key=lambda one: (one.grant.begins, one.grant.id)), broken


def record(where: Place, id_: str) -> Record:
    """Give one grant.

    Raises:
        UsageError: there is none of that id.
    """
    found, _ = records(where)
    for one in found:
        if one.grant.id == id_:
            return one
    raise UsageError(Problem("no-access", f"there is no grant {id_!r}", hint=nearest(id_, [one.grant.id for one in found])))


def write_grant(where: Place, grant: Grant) -> None:
    """Write a new grant."""
    write_json(_made(where) / f"{grant.id}.json", grant.to_data())


def write_kubeconfig(where: Place, id_: str, config: bytes) -> Path:
    """Write the person's kubeconfig, before the grant; give its file."""
    _made(where)
    path = kubeconfig_of(where, id_)
    write_private(path, config)
    return path


def clear(where: Place, now: datetime) -> None:
    """Remove kubeconfigs, half written ones too, that are older than any access may be: their certificates have ended."""
    for path in folder_of(where).glob("*.kubeconfig*"):
        with suppress(FileNotFoundError):
            if now.timestamp() - path.stat().st_mtime > MOST.total_seconds():
                path.unlink()


def write_revoked(where: Place, id_: str, why: str, now: datetime) -> None:
    """Write that a grant ends now."""
    write_json(folder_of(where) / f"{id_}.revoked", {"why": why, "at": now.isoformat(timespec="seconds")})


def write_state(where: Place, id_: str, state: Mapping[str, str]) -> None:
    """Write what the operator did."""
    write_json(folder_of(where) / f"{id_}.state", state)


def _made(where: Place) -> Path:
    """Give the folder of a plane's grants, which is made where it is not there."""
    folder = folder_of(where)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _revoked(path: Path) -> str:
    """Give why a grant was ended early; empty if the file is not there. One that says nothing ends it too."""
    if not path.exists():
        return ""
    try:
        return _read(path).get("why", "").strip() or _DAMAGED
    except (OSError, ValueError):
        return _DAMAGED


def _read(path: Path) -> dict[str, str]:
    """Read a mapping of texts; empty if the file is not there.

    Raises:
        ValueError: it is there and is none.
    """
    try:
        data = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        message = f"{path.name} is damaged"
        raise ValueError(message)
    return data

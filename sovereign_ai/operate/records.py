"""Records of grants: files in the control plane's own folder, which no right on the cluster reaches.

    <control plane>/access/    of mode 0700
      1f2e3d4c.json            the grant, written once by the command that gives it
      1f2e3d4c.revoked         when it was ended early, and why
      1f2e3d4c.state           what the operator did: opened, closed
      1f2e3d4c.kubeconfig      the person's, until the end
      since                    from when on all grants are here, written once by the operator

Beside the folder, `approvers.json` says whose keys the description lists (`cluster/approvers.py`). A grant
that another key signed never counts, and one that is open ends when a deployment withdraws its key.

No file has two writers. A file that cannot be read is no grant, and is reported. A `.revoked` that cannot be
read ends the grant all the same, since such a file has no other meaning.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sovereign_ai.cluster import ClusterDir, recorded_approvers, write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError, UsageError, nearest
from sovereign_ai.files import STATE, parse_json, read
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import merged
from sovereign_ai.operate.grants import MOST, AccessGrant
from sovereign_ai.rules import NO_APPROVERS, ListedApprovers
from sovereign_ai.text import clean

_DAMAGED = "its reason cannot be read"
_SINCE = "since"


@frozen_dataclass
class GrantRecord:
    """A grant and its state.

    Attributes:
        grant: the grant.
        opened: when its binding was made; empty before.
        revoked: why it was ended early; empty if it was not.
        closed: when its binding was gone for good; empty before.
        why: why it was closed: `ended`, `revoked`, `unlisted` (its approver's key), `removed` or `changed`
            (its binding, by somebody else), or the API server's refusal.
        is_listed: whether the description lists the key that signed it, under the name of its approver, and
            is of the factory that it was signed for.
    """

    grant: AccessGrant
    opened: str = ""
    revoked: str = ""
    closed: str = ""
    why: str = ""
    is_listed: bool = False

    def is_active(self, now: datetime) -> bool:
        """Return whether its binding may exist now."""
        return self.is_listed and not self.revoked and not self.closed and self.grant.counts(now)

    def end_at(self, now: datetime) -> str:
        """Return why its binding may not exist at a moment, as `why` has it."""
        if self.revoked:
            return "revoked"
        return "ended" if self.is_listed or not self.grant.counts(now) else "unlisted"

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        state = {"opened": self.opened, "revoked": self.revoked, "closed": self.closed, "why": self.why}
        return merged(self.grant.to_data(), {"user": self.grant.user}, state)


def folder_of(cluster_dir: ClusterDir) -> Path:
    """Return the folder of a control plane's grants; it need not exist."""
    return cluster_dir.folder / "access"


def kubeconfig_of(cluster_dir: ClusterDir, id_: str) -> Path:
    """Return the file of the person's kubeconfig."""
    return folder_of(cluster_dir) / f"{id_}.kubeconfig"


def read_records(cluster_dir: ClusterDir) -> tuple[list[GrantRecord], list[str]]:
    """Read all grants.

    Returns:
        The records, the newest last, and a line for each file that holds no grant.
    """
    listed = []
    approvers, broken = listed_approvers(cluster_dir)
    for path in sorted(folder_of(cluster_dir).glob("*.json")):
        try:
            current = _record(path)
        except (SovereignError, ValueError) as error:
            reason = error.problems[0].message if isinstance(error, SovereignError) else str(error)
            broken.append(clean(f"{path.name}: {reason}"))
            continue
        # The other files of a grant are named after its id.
        if current.grant.id != path.stem:
            broken.append(f"{path.name}: it holds the grant {current.grant.id}")
            continue
        # An approver agrees to access to one cluster; a file that was carried here from another gives none.
        if current.grant.cluster != cluster_dir.name:
            broken.append(clean(f"{path.name}: it holds a grant for the cluster {current.grant.cluster!r}"))
            continue
        grant = current.grant
        approver = approvers.find(grant.factory, grant.approver, grant.signature.partition(":")[0])
        has_mandate = approver is not None and (
            approver.until is None or grant.begins.date() <= approver.until
        )
        listed.append(replace(current, is_listed=has_mandate))
    listed.sort(key=lambda entry: (entry.grant.begins, entry.grant.id))
    return listed, broken


def listed_approvers(cluster_dir: ClusterDir) -> tuple[ListedApprovers, list[str]]:
    """Return the approvers whose keys count on a control plane, and a line if their file is damaged."""
    try:
        return recorded_approvers(cluster_dir), []
    except EnvironmentLacksError as error:
        problem = error.problems[0]
        return NO_APPROVERS, [clean(f"{problem.where}: {problem.message}")]


def _record(path: Path) -> GrantRecord:
    """Read a grant's file and those beside it.

    Raises:
        SovereignError: one cannot be read.
        ValueError: one is damaged.
    """
    grant = AccessGrant.from_data(_texts(path))
    revoked, state = _revoked(path.with_suffix(".revoked")), _read(path.with_suffix(".state"))
    return GrantRecord(
        grant,
        opened=state.get("opened", ""),
        revoked=revoked,
        closed=state.get("closed", ""),
        why=state.get("why", ""),
    )


def grant_record(cluster_dir: ClusterDir, id_: str) -> GrantRecord:
    """Return one grant's record.

    Raises:
        UsageError: there is none of that id.
    """
    listed, _ = read_records(cluster_dir)
    for entry in listed:
        if entry.grant.id == id_:
            return entry
    hint = nearest(id_, [entry.grant.id for entry in listed])
    raise UsageError(Problem("no-access", f"there is no grant {id_!r}", hint=hint))


def is_known(cluster_dir: ClusterDir, id_: str) -> bool:
    """Return whether a grant of that id was ever given on this control plane; an approval serves once."""
    # Also where the file is a link that leads nowhere: what is there was given.
    return os.path.lexists(folder_of(cluster_dir) / f"{id_}.json")


def note_since(cluster_dir: ClusterDir, now: datetime) -> None:
    """Note from when on every grant of this control plane is in its folder, unless that is noted already."""
    path = folder_of(cluster_dir) / _SINCE
    if not os.path.lexists(path):
        write_json(_made(cluster_dir) / _SINCE, {"at": now.isoformat(timespec="seconds")})


def kept_since(cluster_dir: ClusterDir) -> datetime | None:
    """Return from when on every grant of this control plane is in its folder; None if nobody knows."""
    try:
        moment = datetime.fromisoformat(_texts(folder_of(cluster_dir) / _SINCE)["at"])
    except (SovereignError, ValueError, KeyError):
        return None
    return moment if moment.tzinfo is not None else None


def write_grant(cluster_dir: ClusterDir, grant: AccessGrant) -> None:
    """Write a new grant."""
    write_json(_made(cluster_dir) / f"{grant.id}.json", grant.to_data())


def write_kubeconfig(cluster_dir: ClusterDir, id_: str, config: bytes) -> Path:
    """Write the person's kubeconfig, before the grant, and return its file."""
    _made(cluster_dir)
    path = kubeconfig_of(cluster_dir, id_)
    write_private(path, config)
    return path


def remove_old_kubeconfigs(cluster_dir: ClusterDir, now: datetime) -> None:
    """Remove kubeconfigs that are older than any access may be: their certificates have ended."""
    # The second star: a crash may leave a half-written one under a longer name.
    for path in folder_of(cluster_dir).glob("*.kubeconfig*"):
        with suppress(FileNotFoundError):
            if now.timestamp() - path.stat().st_mtime > MOST.total_seconds():
                path.unlink()


def write_revoked(cluster_dir: ClusterDir, id_: str, why: str, now: datetime) -> None:
    """Write that a grant ends now."""
    moment = now.isoformat(timespec="seconds")
    write_json(folder_of(cluster_dir) / f"{id_}.revoked", {"why": why, "at": moment})


def write_state(cluster_dir: ClusterDir, id_: str, state: Mapping[str, str]) -> None:
    """Write what the operator did."""
    write_json(folder_of(cluster_dir) / f"{id_}.state", state)


def _made(cluster_dir: ClusterDir) -> Path:
    """Return the folder of a control plane's grants, made if need be."""
    folder = folder_of(cluster_dir)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _revoked(path: Path) -> str:
    """Return why a grant was ended early; empty if the file is not there.

    A file without a reason ends it too.
    """
    if not os.path.lexists(path):
        return ""
    try:
        return _texts(path).get("why", "").strip() or _DAMAGED
    except (SovereignError, ValueError):
        # Whoever wrote it meant to end access; a full disk or a crash may have cut it off.
        return _DAMAGED


def _read(path: Path) -> dict[str, str]:
    """Read a mapping of texts; empty if the file is not there.

    Raises:
        EnvironmentLacksError: it cannot be read.
        ValueError: it is there and is none.
    """
    return _texts(path) if os.path.lexists(path) else {}


def _texts(path: Path) -> dict[str, str]:
    """Read a mapping of texts.

    Raises:
        EnvironmentLacksError: it cannot be read.
        ValueError: it is none.
    """
    data = parse_json(read(path, STATE), str(path), STATE).data
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        message = f"{path.name} is damaged"
        raise ValueError(message)
    return data

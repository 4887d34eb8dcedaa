"""Who may approve break-glass access to a local control plane: a file in its folder, for its operator.

The signature on a grant names its own key, so the operator has to know from elsewhere whose keys count. A
description lists them, and the operator reads none: each deployment, and each command that grants access,
records those of its description.

    record_approvers(cluster_dir, factory.approvers)
    may_approve(recorded_approvers(cluster_dir), "lead", key, date.today())
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem, SpecError, Where
from sovereign_ai.names import normal_name
from sovereign_ai.spec import Approver

_FILE = "approvers.json"


def record_approvers(cluster_dir: ClusterDir, approvers: Iterable[Approver]) -> bool:
    """Record the approvers of a description, in place of all earlier ones.

    Returns:
        Whether anything changed that was recorded before.
    """
    listed = {}
    for approver in approvers:
        until = approver.until.isoformat() if approver.until else ""
        listed[normal_name(approver.name)] = {"key": approver.key, "until": until}
    path = cluster_dir.folder / _FILE
    try:
        before = read_json(path)
    except EnvironmentLacksError:
        before = {}
    if before == listed:
        return False
    write_json(path, listed)
    return before is not None


def recorded_approvers(cluster_dir: ClusterDir) -> Mapping[str, Approver]:
    """Return the approvers that were recorded last, by name in its normal form; none before the first.

    Raises:
        EnvironmentLacksError: the file is damaged.
    """
    path = cluster_dir.folder / _FILE
    listed = {}
    try:
        for name, entry in (read_json(path) or {}).items():
            until = date.fromisoformat(entry["until"]) if entry["until"] else None
            listed[name] = Approver(name=name, key=entry["key"], until=until)
    except (TypeError, KeyError, ValueError, SpecError):
        message = "it does not list approvers with their keys"
        hint = "run `sovereign-ai up`, which writes it anew"
        location = Where(file=str(path))
        raise EnvironmentLacksError(Problem("approvers-damaged", message, location, hint)) from None
    return listed


def may_approve(listed: Mapping[str, Approver], name: str, key: str, day: date) -> bool:
    """Return whether an approver with a key may agree on a day.

    Args:
        listed: the approvers that count, by name in its normal form.
        name: the approver's name, as the grant writes it.
        key: the public key that signed, as a description lists it.
        day: the day on which the approver agreed.
    """
    approver = listed.get(normal_name(name))
    return approver is not None and approver.key == key and (approver.until is None or day <= approver.until)

"""Who may approve waivers and break-glass access on a local control plane: a file for its operator.

A signature names its own key and its own factory, so the operator has to know from elsewhere whose keys
count, and for which factory. A description lists them, and the operator reads none: each deployment, and each
command that grants access, records those of its description in the plane's folder.

    record_approvers(cluster_dir, factory.name, factory.approvers)
    recorded_approvers(cluster_dir).find("lab", "lead", key)
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem, SpecError, Where
from sovereign_ai.names import normal_name
from sovereign_ai.rules import NO_APPROVERS, ListedApprovers
from sovereign_ai.spec import Approver

_FILE = "approvers.json"


def record_approvers(cluster_dir: ClusterDir, factory: str, approvers: Iterable[Approver]) -> bool:
    """Record the approvers of a description, in place of all earlier ones.

    Args:
        cluster_dir: the control plane's folder.
        factory: the factory's name.
        approvers: the approvers.

    Returns:
        Whether anything changed that was recorded before.
    """
    listed = {}
    for approver in approvers:
        until = approver.until.isoformat() if approver.until else ""
        listed[normal_name(approver.name)] = {"key": approver.key, "until": until}
    data = {"factory": factory, "approvers": listed}
    path = cluster_dir.folder / _FILE
    try:
        before = read_json(path)
    except EnvironmentLacksError:
        before = {}
    if before == data:
        return False
    write_json(path, data)
    return before is not None


def recorded_approvers(cluster_dir: ClusterDir) -> ListedApprovers:
    """Return the approvers that were recorded last; none before the first.

    Raises:
        EnvironmentLacksError: the file is damaged.
    """
    path = cluster_dir.folder / _FILE
    listed = {}
    data = read_json(path)
    if data is None:
        return NO_APPROVERS
    try:
        for name, entry in data["approvers"].items():
            until = date.fromisoformat(entry["until"]) if entry["until"] else None
            listed[name] = Approver(name=name, key=entry["key"], until=until)
        return ListedApprovers(str(data["factory"]), listed)
    except (TypeError, KeyError, ValueError, AttributeError, SpecError):
        message = "it does not list approvers with their keys"
        hint = "run `sovereign-ai up`, which writes it anew"
        location = Where(file=str(path))
        raise EnvironmentLacksError(Problem("approvers-damaged", message, location, hint)) from None

"""Decide whether the cluster behind a kubeconfig is the one that a stack was deployed to.

A file, a context and an address stay the same when the cluster behind them is created anew or is replaced by
another. The cluster's identity does not: it is the uid of the namespace `kube-system`, and is recorded beside
the stack's state (`stack_record.py`). It is compared before every write and before every deletion. A server
that does not answer, or refuses to report its identity, is neither another cluster nor an empty one: the
command then ends without a decision.

| recorded | live | decision |
|---|---|---|
| nothing, and the state holds nothing | any | the first deployment: recorded |
| nothing, but the state holds objects (older version) | has one of them, by its uid | the same: recorded |
| a uid | the same uid | the same; a new certificate authority is reported and recorded |
| a uid | another uid; this tool removed that control plane | its objects went with it: reported, recorded |
| a uid | another uid | refused, with the number of objects at stake |
"""

from __future__ import annotations

import shlex
from pathlib import Path

from sovereign_ai.cluster import authority_of, was_removed
from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.deploy.live_objects import read_live
from sovereign_ai.deploy.state.objects import Held
from sovereign_ai.deploy.state.stack_record import ClusterIdentity, StackRecord
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

_SYSTEM = "/api/v1/namespaces/kube-system"
_SHOWN = 13
"""Characters of a uid that a message shows; they are enough to distinguish two clusters."""


@frozen_dataclass
class Recognised:
    """A cluster that a stack may be deployed to.

    Attributes:
        identity: the cluster's identity.
        remade: whether it was created anew, so that the objects in the state went with the old cluster.
        line: what a person should know; empty if nothing.
    """

    identity: ClusterIdentity
    remade: bool = False
    line: str = ""


@frozen_dataclass
class DeployTarget:
    """The cluster that a command is about to write to.

    Attributes:
        name: its name in the plan.
        deployment: the name of the deployment to it, under which its identity is recorded.
        kubeconfig: the file that leads to it.
        context: the file's context; None means its current one.
        is_local: whether it is a local control plane of this user.
        folder: the stack's folder, for hints.
        options: the options by which another command selects the same cluster, for hints.
    """

    name: str
    deployment: str
    kubeconfig: Path
    context: str | None = None
    is_local: bool = False
    folder: Path = Path()
    options: str = ""


def read_identity(api: Api, kubeconfig: Path, context: str | None = None) -> ClusterIdentity:
    """Read a cluster's identity.

    Args:
        api: the open connection.
        kubeconfig: the file that it came from.
        context: the file's context; None means its current one.

    Raises:
        EnvironmentLacksError: the server refuses to report it, or the kubeconfig cannot be read.
        UnreachableError: there was no answer.
    """
    try:
        uid = api.identity()
    except ApiError as error:
        raise EnvironmentLacksError(_unidentified(api, error)) from error
    return ClusterIdentity(uid, authority_of(kubeconfig, context), api.server)


def recognise(api: Api, target: DeployTarget, record: StackRecord, held: Held | None) -> Recognised:
    """Decide whether a cluster is the one that a stack was deployed to; nothing is recorded yet.

    Args:
        api: the open connection.
        target: the cluster that the command names.
        record: the record beside the stack's state.
        held: the objects in the state; None where it cannot be read.

    Raises:
        EnvironmentLacksError: it is another cluster, or does not report its identity.
        UnreachableError: there was no answer.
    """
    live = read_identity(api, target.kubeconfig, target.context)
    recorded = record.cluster(target.deployment)
    count = len(held or {})
    if recorded is None:
        return _first(api, target, live, held or {})
    if recorded.uid == live.uid:
        is_rotated = recorded.authority != live.authority
        line = f"the certificate authority of {live.server} was changed; the cluster is the same"
        return Recognised(live, line=line if is_rotated else "")
    is_removed = was_removed(recorded.authority)
    if held is not None and not held:
        # Without objects in the state nothing can be lost: the stack may move.
        line = (
            f"the stack was deployed to another cluster before, {_label(recorded)}; "
            "its state holds nothing there"
        )
        return Recognised(live, line="" if is_removed else line)
    if is_removed:
        return Recognised(live, remade=True, line=_remade(target, count))
    raise EnvironmentLacksError(_another(target, recorded, live, count))


def recognised_line(api: Api, target: DeployTarget, record: StackRecord, held: Held | None) -> str:
    """Return what a person should know of a cluster that a command looks at, and does not deploy to.

    Nothing is known of it where nothing is recorded, as on another person's computer, and where the identity
    may not read which cluster it is: who only looks needs no more rights than before.

    Args:
        api: the open connection.
        target: the cluster that the command names.
        record: the record beside the stack's state.
        held: the objects in the state; None where it cannot be read.

    Raises:
        EnvironmentLacksError: it is another cluster than the one that is recorded.
        UnreachableError: there was no answer.
    """
    recorded = record.cluster(target.deployment)
    if recorded is None:
        return ""
    try:
        is_same = api.identity() == recorded.uid
    except ApiError:
        return ""
    return "" if is_same else recognise(api, target, record, held).line


def _first(api: Api, target: DeployTarget, live: ClusterIdentity, held: Held) -> Recognised:
    """Decide about a cluster where none is recorded: a first deployment, or one of an older version."""
    if not held:
        return Recognised(live)
    for key, metadata in read_live(api, held).items():
        # A uid is unique in time and space: one object is proof enough.
        if held[key].uid and held[key].uid == metadata.get("uid"):
            return Recognised(live)
    if target.is_local and _is_newer(api, held):
        return Recognised(live, remade=True, line=_remade(target, len(held)))
    objects_text = counted(len(held), "object")
    message = (
        f"the state holds {objects_text} of {target.name!r}, and none of them is on the cluster of "
        f"{target.kubeconfig} ({_label(live)}); "
        "it may be another cluster than the one that they were deployed to; nothing was changed"
    )
    raise EnvironmentLacksError(Problem("other-cluster", message, hint=_remedy(target)))


def _is_newer(api: Api, held: Held) -> bool:
    """Return whether a cluster is younger than all objects of a state, so that none of them was on it."""
    created = str(api.request("GET", _SYSTEM)["metadata"].get("creationTimestamp", ""))
    times = [item.created for item in held.values()]
    # Times of the API server are RFC 3339 in UTC without fractions: as texts they sort as they do as times.
    return bool(created) and all(times) and created > max(times)


def _another(target: DeployTarget, recorded: ClusterIdentity, live: ClusterIdentity, count: int) -> Problem:
    """Return the problem that a kubeconfig leads to another cluster than before."""
    objects = counted(count, "object") if count else "objects"
    message = (
        f"{target.kubeconfig} leads to another cluster than the one to which {target.name!r} was deployed: "
        f"now it is {_label(live)}, then it was {_label(recorded)}, where the state holds {objects}; "
        "nothing was changed"
    )
    return Problem("other-cluster", message, hint=_remedy(target))


def _remedy(target: DeployTarget) -> str:
    """Return what to do where a kubeconfig leads to another cluster."""
    down = f"sovereign-ai down {shlex.quote(str(target.folder))}{target.options} --forget"
    return (
        "use the kubeconfig of the cluster that is meant; if the old one is no more, "
        f"`{down}` drops its objects from the state, and `sovereign-ai up` deploys them to this one"
    )


def _remade(target: DeployTarget, count: int) -> str:
    """Return the line that a local control plane was created anew after this tool had removed the old one."""
    went = f"the {counted(count, 'object')} that the state held went with the old one"
    return f"the control plane {target.name!r} was removed and made anew; {went}"


def _label(identity: ClusterIdentity) -> str:
    """Return a cluster's name for a person."""
    return f"{identity.server}, identity {identity.uid[:_SHOWN]}"


def _unidentified(api: Api, error: ApiError) -> Problem:
    """Return the problem that a server does not report its identity."""
    cause = error.problems[0]
    message = f"{api.server} does not say which cluster it is, so that nothing was changed: {cause.message}"
    hint = f"reading the namespace kube-system tells one cluster from another; {cause.hint}"
    return Problem("cluster-unidentified", message, hint=hint)

"""Objects that Kubernetes' own controllers make from a workload, and how they are told apart from a forgery.

A waiver names the workload that a person writes. Its pods, and the ReplicaSets and Jobs in between, get
generated names that no waiver can name; the waiver of their workload covers them.

At admission the controller is known by its identity: each one has a service account in `kube-system`
(`--use-service-account-credentials`), and only what it makes for the controlling owner is trusted.
Anybody can write names, labels and owner references, but nobody else can act as that account. A controller
repeats a template, and whoever wrote that template was judged for it. A tenant's own ReplicaSet that is named
as if a waived Deployment had made it gets no waiver, so that its template obeys the rule before any pod does.

A live object has no requester. There the chain of owners is followed by uid through the existing objects, and
the waiver covers an object only if the waived workload breaks the same rule itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.rules.cel.literals import literal

_ACCOUNTS = "system:serviceaccount:kube-system:"
_SPACE = "object.metadata.namespace"
_HASH = 'object.metadata.labels["pod-template-hash"]'
_HAS_HASH = 'has(object.metadata.labels) && "pod-template-hash" in object.metadata.labels'


@frozen_dataclass
class Making:
    """One kind that a controller makes from another.

    Attributes:
        account: the controller's service account in `kube-system`.
        made: the kind it makes.
        owner: the kind that owns what it makes.
        workload: the kind that a waiver names.
        fits: CEL: whether the owner `o` is one of such a workload's, besides its kind; empty if every one is.
        name: CEL: the workload's name.
    """

    account: str
    made: str
    owner: str
    workload: str
    fits: str = ""
    name: str = "o.name"


def _owner_itself(account: str, made: str, owner: str) -> Making:
    """Return a making whose owner is the workload that a waiver names."""
    return Making(account, made, owner, owner)


_POD_OF_DEPLOYMENT = Making(
    "replicaset-controller",
    "Pod",
    "ReplicaSet",
    "Deployment",
    f'{_HAS_HASH} && o.name.endsWith("-" + {_HASH})',
    f"o.name.substring(0, size(o.name) - size({_HASH}) - 1)",
)
_POD_OF_CRON_JOB = Making(
    "job-controller",
    "Pod",
    "Job",
    "CronJob",
    'o.name.matches("-[0-9]+$")',
    'o.name.substring(0, o.name.lastIndexOf("-"))',
)
# The order is that of the rendered expression, which the digest of a policy covers.
_MAKINGS = (
    _owner_itself("deployment-controller", "ReplicaSet", "Deployment"),
    _owner_itself("cronjob-controller", "Job", "CronJob"),
    _owner_itself("replicaset-controller", "Pod", "ReplicaSet"),
    _POD_OF_DEPLOYMENT,
    _owner_itself("job-controller", "Pod", "Job"),
    _POD_OF_CRON_JOB,
    _owner_itself("statefulset-controller", "Pod", "StatefulSet"),
    _owner_itself("daemon-set-controller", "Pod", "DaemonSet"),
    _owner_itself("replication-controller", "Pod", "ReplicationController"),
)
"""What the controllers of Kubernetes 1.37 make.

A Deployment's ReplicaSet is named `<deployment>-<pod-template-hash>`, a CronJob's Job `<cronjob>-<minutes>`
(pkg/controller/deployment/sync.go, pkg/controller/cronjob/utils.go).
"""


def workloads(made: Collection[str]) -> tuple[str, ...]:
    """Return the kinds whose waivers cover these kinds when controllers make them.

    >>> workloads(["ReplicaSet", "Job"])
    ('CronJob', 'Deployment')
    """
    kinds = {making.workload for making in _MAKINGS if making.made in made}
    return tuple(sorted(kinds))


def makers(made: Collection[str]) -> str:
    """Return CEL for the workloads, as waivers name them, from which a controller makes this object."""
    parts = [_workloads_of(making) for making in _MAKINGS if making.made in made]
    is_no_controller = f'!request.userInfo.username.startsWith("{_ACCOUNTS}")'
    return f"!has(object.metadata.ownerReferences) || {is_no_controller} ? [] : {' + '.join(parts)}"


def _workloads_of(making: Making) -> str:
    """Return CEL for the workloads from which an object was made in one way."""
    account = literal(_ACCOUNTS + making.account)
    is_made = f"object.kind == {literal(making.made)} && request.userInfo.username == {account}"
    # Only the one owner that controls the object counts: `controller` cannot be true for two.
    is_owner = f"has(o.controller) && o.controller && o.kind == {literal(making.owner)}"
    if making.fits:
        is_owner += f" && {making.fits}"
    kind = literal(making.workload + "/")
    name = f'{kind} + {_SPACE} + "/" + {making.name}'
    return f"({is_made} ? object.metadata.ownerReferences.filter(o, {is_owner}).map(o, {name}) : [])"


def made_from(objects: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return the controlling owners of each live object that has any, nearest first.

    Objects and owners are named as waivers name them.

    An owner counts if it exists with the uid, kind and name of the reference, in the same namespace.

    >>> deployment = {"kind": "Deployment", "metadata": {"namespace": "a", "name": "d", "uid": "1"}}
    >>> owner = {"kind": "Deployment", "name": "d", "uid": "1", "controller": True}
    >>> metadata = {"namespace": "a", "name": "d-x", "uid": "2", "ownerReferences": [owner]}
    >>> made_from([deployment, {"kind": "ReplicaSet", "metadata": metadata}])
    {'ReplicaSet/a/d-x': ('Deployment/a/d',)}
    """
    namespaced = [obj for obj in objects if obj["metadata"].get("namespace")]
    by_uid = {}
    for obj in namespaced:
        uid = obj["metadata"].get("uid")
        if uid:
            by_uid[str(uid)] = obj
    chains = {}
    for obj in namespaced:
        chain = _owner_chain(obj, by_uid)
        if chain:
            chains[_resource_of(obj)] = chain
    return chains


def _owner_chain(obj: Mapping[str, Any], by_uid: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the controlling owners of an object, nearest first."""
    chain: list[str] = []
    owner = _controlling_owner(obj, by_uid)
    # References that anybody wrote may lead in a circle.
    while owner is not None and _resource_of(owner) not in chain:
        chain.append(_resource_of(owner))
        owner = _controlling_owner(owner, by_uid)
    return tuple(chain)


def _controlling_owner(
    obj: Mapping[str, Any], by_uid: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """Return the live object that controls another one, if Kubernetes makes the one from the other."""
    metadata = obj["metadata"]
    references: Sequence[Mapping[str, Any]] = metadata.get("ownerReferences") or ()
    for reference in references:
        owner = by_uid.get(str(reference.get("uid")))
        owner_kind = reference.get("kind")
        is_made = any(making.made == obj["kind"] and making.owner == owner_kind for making in _MAKINGS)
        if owner is None or not is_made or not reference.get("controller"):
            continue
        identity = (owner["kind"], owner["metadata"]["name"], owner["metadata"]["namespace"])
        if identity == (owner_kind, reference.get("name"), metadata["namespace"]):
            return owner
    return None


def _resource_of(obj: Mapping[str, Any]) -> str:
    """Return an object's name as waivers write it."""
    metadata = obj["metadata"]
    return f"{obj['kind']}/{metadata['namespace']}/{metadata['name']}"

"""What Kubernetes' own controllers make from a workload, and how that is told from a forgery.

A waiver names the workload that a person writes. Its pods, and the ReplicaSets and Jobs in between, get names of
their own, so that no waiver can name them; the waiver of their workload covers them.

At admission the maker is known by who asks: each controller has an account of its own in `kube-system`
(`--use-service-account-credentials`), and only what it makes for the owner that controls the object is believed.
Names, labels and owner references can be written by anybody, the account cannot be worn. What a controller makes
repeats a template, and whoever wrote that template was judged for it: a ReplicaSet of a tenant's own that is called
as if a waived Deployment had made it gets no waiver, so that its template obeys the rule before any pod does.

Live, nobody asks any more. There the chain of owners is followed by uid through what is there, and the waiver
covers an object only where the waived workload breaks the same rule itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sovereign_ai.rules.expressions import literal

_SPACE = "object.metadata.namespace"
_HASH = 'object.metadata.labels["pod-template-hash"]'
_HAS_HASH = 'has(object.metadata.labels) && "pod-template-hash" in object.metadata.labels'


@dataclass(frozen=True, slots=True)
class Making:
    """How a controller makes one kind from another.

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


_MAKINGS = (
    Making("deployment-controller", "ReplicaSet", "Deployment", "Deployment"),
    Making("cronjob-controller", "Job", "CronJob", "CronJob"),
    Making("replicaset-controller", "Pod", "ReplicaSet", "ReplicaSet"),
    Making(
        "replicaset-controller",
        "Pod",
        "ReplicaSet",
        "Deployment",
        f'{_HAS_HASH} && o.name.endsWith("-" + {_HASH})',
        f"o.name.substring(0, size(o.name) - size({_HASH}) - 1)",
    ),
    Making("job-controller", "Pod", "Job", "Job"),
    Making("job-controller", "Pod", "Job", "CronJob", 'o.name.matches("-[0-9]+$")', 'o.name.substring(0, o.name.lastIndexOf("-"))'),
    Making("statefulset-controller", "Pod", "StatefulSet", "StatefulSet"),
    Making("daemon-set-controller", "Pod", "DaemonSet", "DaemonSet"),
    Making("replication-controller", "Pod", "ReplicationController", "ReplicationController"),
)
"""After Kubernetes 1.37: a Deployment's ReplicaSet is called `<deployment>-<pod-template-hash>`, a CronJob's Job
`<cronjob>-<minutes>` (pkg/controller/deployment/sync.go, pkg/controller/cronjob/utils.go)."""


def workloads(made: Collection[str]) -> tuple[str, ...]:
    """Give the kinds whose waivers cover these kinds when controllers make them.

    >>> workloads(["ReplicaSet", "Job"])
    ('CronJob', 'Deployment')
    """
    return tuple(sorted({one.workload for one in _MAKINGS if one.made in made}))


def makers(made: Collection[str]) -> str:
    """Write the CEL expression of the workloads, as waivers name them, from which a controller makes this object; of none otherwise."""
    rows = [one for one in _MAKINGS if one.made in made]
    parts = " + ".join(_part(one) for one in rows)
    return f'!has(object.metadata.ownerReferences) || !request.userInfo.username.startsWith("{_ACCOUNTS}") ? [] : {parts}'


_ACCOUNTS = "system:serviceaccount:kube-system:"


def _part(one: Making) -> str:
    """Write the part of one making."""
    asked = f"object.kind == {literal(one.made)} && request.userInfo.username == {literal(_ACCOUNTS + one.account)}"
    owner = f"has(o.controller) && o.controller && o.kind == {literal(one.owner)}" + (f" && {one.fits}" if one.fits else "")
    name = f'{literal(one.workload + "/")} + {_SPACE} + "/" + {one.name}'
    return f"({asked} ? object.metadata.ownerReferences.filter(o, {owner}).map(o, {name}) : [])"


def made_from(objects: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Give for each live object that others control the chain of them, as waivers name them, nearest first.

    An owner counts if it is there, with the uid, kind and name of the reference, in the same namespace.

    >>> deployment = {"kind": "Deployment", "metadata": {"namespace": "a", "name": "d", "uid": "1"}}
    >>> owner = [{"kind": "Deployment", "name": "d", "uid": "1", "controller": True}]
    >>> made_from([deployment, {"kind": "ReplicaSet", "metadata": {"namespace": "a", "name": "d-x", "uid": "2", "ownerReferences": owner}}])
    {'ReplicaSet/a/d-x': ('Deployment/a/d',)}
    """
    listed = [obj for obj in objects if obj["metadata"].get("namespace")]
    by_uid = {str(obj["metadata"]["uid"]): obj for obj in listed if obj["metadata"].get("uid")}
    found = {_name(obj): _chain(obj, by_uid) for obj in listed}
    return {name: chain for name, chain in found.items() if chain}


def _chain(obj: Mapping[str, Any], by_uid: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Follow the controlling owners."""
    chain: list[str] = []
    while (owner := _owner(obj, by_uid)) is not None and _name(owner) not in chain:
        chain.append(_name(owner))
        obj = owner
    return tuple(chain)


def _owner(obj: Mapping[str, Any], by_uid: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Give the live object that controls another one, as one of the makings has it."""
    references: Sequence[Mapping[str, Any]] = obj["metadata"].get("ownerReferences") or ()
    for one in references:
        owner = by_uid.get(str(one.get("uid")))
        known = any(making.made == obj["kind"] and making.owner == one.get("kind") for making in _MAKINGS)
        if one.get("controller") and known and owner is not None:
            there = (owner["kind"], owner["metadata"]["name"], owner["metadata"]["namespace"])
            if there == (one.get("kind"), one.get("name"), obj["metadata"]["namespace"]):
                return owner
    return None


def _name(obj: Mapping[str, Any]) -> str:
    """Name an object as waivers do."""
    return f"{obj['kind']}/{obj['metadata']['namespace']}/{obj['metadata']['name']}"

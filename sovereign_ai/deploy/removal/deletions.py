"""The deletions of a deployment or a removal, and the consent that they need.

A description that lost a tenant deletes the tenant's namespace, with everything that others keep in it. Such
a deletion must be allowed by name (`--allow-delete NAME`). A deployment that deletes most of the stack must
be allowed too (`--allow-mass-deletion`): a truncated description, or one of another cluster, looks like that.
A plain `pulumi up` has no such options, and reads `sovereign:allowDelete` and `sovereign:allowMassDeletion`.
A whole removal (`down`) is a requested mass deletion; only the volumes in it must be allowed by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from sovereign_ai.cluster.api import Api, Resource
from sovereign_ai.deploy.allowed_deletions import Allowed
from sovereign_ai.deploy.live.ownership import KEEPS_DATA
from sovereign_ai.deploy.live_objects import Metadata, ObjectKey, key_of, list_inside, read_live
from sovereign_ai.errors import Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.text import counted

MASS_SHARE = 0.5
"""Share of the stack's objects above which a deployment that deletes them must be allowed."""
_LEAST_MASS = 10
"""Fewer deletions are no mass deletion, whatever their share."""
_NAMESPACE = ("", "Namespace")
_VOLUME_CLAIM = ("", "PersistentVolumeClaim")
_MADE_BY_KUBERNETES = frozenset({"Endpoints", "EndpointSlice", "Event", "Lease", "ControllerRevision"})
"""Kinds that Kubernetes deletes with the object that they describe."""
_DEFAULTS = frozenset({("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")})
"""Kind and name of the objects that Kubernetes creates in every namespace."""
_MOST_KINDS = 4


@frozen_dataclass
class DataLoss:
    """Objects of others in a namespace, which its deletion destroys.

    Attributes:
        namespace: its name.
        volumes: names of its volume claims, sorted.
        objects: kind to number of all other objects that neither this stack nor Kubernetes created.
    """

    namespace: str
    volumes: tuple[str, ...]
    objects: Mapping[str, int]

    @property
    def is_empty(self) -> bool:
        """Whether nothing of others is lost."""
        return not self.volumes and not self.objects

    def __str__(self) -> str:
        """Return what is lost: volume claims by name, everything else by kind and number."""
        parts = []
        if self.volumes:
            names = ", ".join(self.volumes[:_MOST_KINDS])
            if len(self.volumes) > _MOST_KINDS:
                names += f" and {len(self.volumes) - _MOST_KINDS} more"
            parts.append(counted(len(self.volumes), f"volume claim ({names})", f"volume claims ({names})"))
        ranked = sorted(self.objects.items(), key=lambda item: (-item[1], item[0]))
        rest = 0
        for position, (kind, number) in enumerate(ranked):
            if position < _MOST_KINDS:
                parts.append(f"{number} {kind}")
            else:
                rest += number
        if rest:
            parts.append(counted(rest, "other object", "other objects"))
        return ", ".join(parts) or "nothing of anybody else"


def deletion_problems(
    api: Api,
    leaving: Collection[ObjectKey],
    total: int,
    allowed: Allowed,
    renamed: Collection[ObjectKey] = (),
    homes: Mapping[str, str] | None = None,
) -> list[Problem]:
    """Return a problem for each deletion that was not allowed: namespaces with others' content, and the mass.

    Objects of a part that is renamed are no mass deletion: a description that was truncated, or is another
    cluster's, has no part in their place. What others keep in them is asked for like any other.

    Args:
        api: the cluster.
        leaving: objects of the stack that the description does not contain any more.
        total: how many objects the stack has.
        allowed: the deletions that were allowed.
        renamed: those of the objects that come again under the new name of their part.
        homes: namespace to its zone, where its tenant stays there and would keep it if it were at home there.

    Raises:
        ApiError: a permission to list is missing.
        UnreachableError: there was no answer.
    """
    namespaces = sorted(key.name for key in leaving if _is_namespace(key) and not allowed.has(key.name))
    problems = []
    for loss in losses(api, namespaces):
        if loss.is_empty:
            continue
        message = (
            f"the description no longer has this namespace, and deleting it destroys {loss}; "
            "nothing was changed"
        )
        way = "put it back into the description"
        if zone := (homes or {}).get(loss.namespace):
            way = f"keep it: write `home: {zone}` at the tenant {loss.namespace}"
        hint = f"{way}; or ask for its deletion: {allowed.option_to_allow(loss.namespace)}"
        problems.append(Problem("deletes-data", message, Where(field=f"Namespace/{loss.namespace}"), hint))
    lost = len(set(leaving) - set(renamed))
    if lost >= _LEAST_MASS and lost > MASS_SHARE * total and not allowed.mass:
        objects_text = counted(total, "object")
        message = f"this deployment deletes {lost} of the {objects_text} of the stack; nothing was changed"
        hint = f"see whether the description is whole; then ask for it: {allowed.option_to_allow_mass}"
        problems.append(Problem("mass-deletion", message, hint=hint))
    return problems


def replacement_problems(keys: Iterable[ObjectKey], allowed: Allowed) -> list[Problem]:
    """Return a problem for each object that must be recreated, holds data of others, and was not allowed.

    Args:
        keys: objects that must be recreated.
        allowed: the deletions that were allowed.
    """
    problems = []
    for key in sorted(keys):
        if (key.group, key.kind) not in KEEPS_DATA or allowed.has(key.name):
            continue
        message = (
            "a field of it cannot be changed, and recreating it destroys what it holds; nothing was changed"
        )
        hint = f"undo the change, or ask for it: {allowed.option_to_allow(key.name)}"
        problems.append(Problem("deletes-data", message, Where(field=str(key)), hint))
    return problems


def volume_problems(losses_of_removal: Iterable[DataLoss], allowed: Allowed) -> list[Problem]:
    """Return a problem for each namespace whose removal destroys volumes and was not allowed by name.

    Args:
        losses_of_removal: objects of others in the namespaces that are removed.
        allowed: the deletions that were allowed.
    """
    problems: list[Problem] = []
    for loss in losses_of_removal:
        if not loss.volumes or allowed.has(loss.namespace):
            continue
        message = f"removing this namespace destroys {loss}; nothing was changed"
        hint = f"save what is needed, then ask for the deletion: {allowed.option_to_allow(loss.namespace)}"
        problems.append(Problem("deletes-data", message, Where(field=f"Namespace/{loss.namespace}"), hint))
    return problems


def losses(api: Api, namespaces: Iterable[str]) -> list[DataLoss]:
    """Return the objects of others in some namespaces, of every kind that the server lists in a namespace.

    Nothing is lost in a namespace that somebody deleted already: nobody can keep what is in it.

    Raises:
        ApiError: a permission to list is missing.
        UnreachableError: there was no answer.
    """
    named = [ObjectKey(*_NAMESPACE, "", name) for name in sorted(namespaces)]
    live = read_live(api, named)
    wanted = [key.name for key in named if not live.get(key, {}).get("deletionTimestamp")]
    if not wanted:
        return []
    kinds = [kind for kind in api.kinds() if _is_kept_in_namespaces(kind)]
    # A dict as an ordered set: kinds are counted in the order of the server's lists.
    content: dict[str, dict[ObjectKey, None]] = {name: {} for name in wanted}
    for item in list_inside(api, kinds, wanted):
        key = key_of(item)
        if key.namespace in content and _is_of_others(key, item["metadata"]):
            content[key.namespace][key] = None
    lost = []
    for name in wanted:
        loss = _loss(name, content[name])
        lost.append(loss)
    return lost


def _loss(namespace: str, keys: Iterable[ObjectKey]) -> DataLoss:
    volumes: list[str] = []
    others: Counter[str] = Counter()
    for key in keys:
        if (key.group, key.kind) == _VOLUME_CLAIM:
            volumes.append(key.name)
        else:
            others[key.kind] += 1
    return DataLoss(namespace, tuple(sorted(volumes)), dict(others))


def _is_kept_in_namespaces(kind: Resource) -> bool:
    """Return whether objects of a kind live in namespaces, and can be listed and deleted."""
    return kind.namespaced and {"list", "delete"} <= set(kind.verbs) and kind.kind not in _MADE_BY_KUBERNETES


def _is_of_others(key: ObjectKey, metadata: Metadata) -> bool:
    """Return whether a person or a program created an object, and not this tool or Kubernetes."""
    labels = metadata.get("labels") or {}
    # An object with a controller, such as a ReplicaSet's pod, is counted by its controller alone.
    is_controlled = any(owner.get("controller") for owner in metadata.get("ownerReferences") or ())
    return not is_controlled and labels.get(KEYS.owner) != OWNER and (key.kind, key.name) not in _DEFAULTS


def _is_namespace(key: ObjectKey) -> bool:
    return (key.group, key.kind) == _NAMESPACE

"""Decide who owns an object: this stack, another stack, or somebody else.

An object is this stack's if it carries the owner label and the UUID of this stack. An object that an older
version deployed carries no UUID: it is this stack's if the stack's state holds it. A name that the state
holds belongs to the stack, so an object that somebody recreated under it, without an owner, is drift; a
namespace is not, since it holds the work of others. An object of anybody else is a problem before the first
write, and is never deleted.

| the live object has | it is |
|---|---|
| an owner label with another value | somebody else's |
| the UUID of this stack | this stack's |
| another UUID, and this factory's name | another stack's; `up --adopt` takes it over if that one is lost |
| the uid that the state holds | this stack's |
| owner and factory labels, no UUID | this stack's if state or local control plane prove it; else another's |
| another factory's name | another factory's |
| no owner label | somebody else's, but for what Kubernetes creates itself, and for drift |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import StrEnum
from functools import partial

from sovereign_ai.cluster.api import Api, Resource
from sovereign_ai.deploy.live_objects import Metadata, ObjectKey, key_of, list_metadata
from sovereign_ai.deploy.state.objects import Held
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.plan import is_of_controller
from sovereign_ai.render.kubernetes import KIND_ORDER
from sovereign_ai.verify import OBSERVED, is_applied

_MANAGED_BY = "app.kubernetes.io/managed-by"
_MADE_BY_KUBERNETES = frozenset({("", "ServiceAccount", "default"), ("", "ConfigMap", "kube-root-ca.crt")})
"""Group, kind and name of the objects that Kubernetes itself creates in each new namespace."""
_DEFINITION = "CustomResourceDefinition"
_NEVER_DEPLOYED = frozenset({"Event", "Lease", "Node", "Pod"})
"""Kinds of many objects, of which no description holds any."""
KEEPS_DATA = frozenset({("", "Namespace"), ("", "PersistentVolumeClaim"), ("", "PersistentVolume")})
"""Group and kind of objects that hold the data or the work of others, so that a name alone proves nothing."""


class ObjectOwner(StrEnum):
    """The owner of an object."""

    SELF = "this stack"
    UNMARKED = "this stack, without its UUID yet"
    OTHER_STACK = "another stack of this factory"
    OTHER_FACTORY = "another factory"
    OTHER = "somebody else"
    UNOWNED = "no owner"


OWNED = frozenset({ObjectOwner.SELF, ObjectOwner.UNMARKED})


@frozen_dataclass
class Claim:
    """What a stack can prove about the objects of a cluster.

    Attributes:
        factory: the factory's name.
        identity: the stack's UUID.
        held: what the stack's state holds; None where the state cannot be read.
        is_local: whether the cluster is a local control plane, to which only this user's states were
            deployed.
        adopts: whether to take over the objects of all other stacks of this factory, because those stacks are
            lost.
        adopted: the UUID of one lost stack whose objects are taken over.
        strict: whether a name that the state holds proves nothing, as for a deletion.
        has_rare_kinds: whether the stack was deployed with objects of kinds that only controllers bring, of
            which a run that was cut short may have left some that neither state nor description has.
    """

    factory: str
    identity: str
    held: Held | None = field(default_factory=dict)
    is_local: bool = False
    adopts: bool = False
    adopted: str = ""
    strict: bool = False
    has_rare_kinds: bool = False


def owner_of(key: ObjectKey, live: Metadata, claim: Claim) -> ObjectOwner:
    """Return the owner of a live object, by the table of the module's docstring.

    Args:
        key: which object.
        live: its metadata.
        claim: what this stack can prove.
    """
    labels = live.get("labels") or {}
    owner, factory, stack = labels.get(KEYS.owner), labels.get(KEYS.factory), labels.get(KEYS.stack)
    if owner not in {None, OWNER}:
        return ObjectOwner.OTHER
    if owner == OWNER and stack is not None:
        return _marked(stack, factory, claim)
    held = claim.held.get(key) if claim.held is not None else None
    if held is not None and held.uid and held.uid == live.get("uid"):
        return ObjectOwner.UNMARKED
    if owner is None:
        return _unlabelled(key, live, claim)
    if factory != claim.factory:
        return ObjectOwner.OTHER_FACTORY
    # An older version deployed it, without a UUID: a stack that its state or its control plane proves is
    # upgraded without a flag. A state that cannot be read here (`held` is None) must not lock its own stack
    # out.
    is_proved = claim.held is None or held is not None or claim.is_local or claim.adopts
    return ObjectOwner.UNMARKED if is_proved else ObjectOwner.OTHER_STACK


def _marked(stack: str, factory: str | None, claim: Claim) -> ObjectOwner:
    """Decide by the UUID that an object carries."""
    if stack == claim.identity:
        return ObjectOwner.SELF
    if factory != claim.factory:
        return ObjectOwner.OTHER_FACTORY
    return ObjectOwner.UNMARKED if claim.adopts or stack == claim.adopted else ObjectOwner.OTHER_STACK


def _unlabelled(key: ObjectKey, live: Metadata, claim: Claim) -> ObjectOwner:
    """Decide about an object without an owner label whose uid is not the one in the state."""
    if (key.group, key.kind, key.name) in _MADE_BY_KUBERNETES:
        return ObjectOwner.SELF
    # Kueue's definitions, which a local control plane had before the description brought them.
    if claim.is_local and key.kind == _DEFINITION and is_applied(live):
        return ObjectOwner.UNMARKED
    is_held = bool(claim.held) and key in (claim.held or {})
    is_drift = is_held and not claim.strict and (key.group, key.kind) not in KEEPS_DATA
    return ObjectOwner.UNMARKED if is_drift else ObjectOwner.UNOWNED


def owners(live: Mapping[ObjectKey, Metadata], claim: Claim) -> dict[ObjectKey, ObjectOwner]:
    """Return the owner of each of some live objects."""
    return {key: owner_of(key, metadata, claim) for key, metadata in live.items()}


def require_owned(live: Mapping[ObjectKey, Metadata], claim: Claim) -> None:
    """Refuse to write where an object under a planned name is not this stack's.

    Args:
        live: the live objects under planned names.
        claim: what this stack can prove.

    Raises:
        EnvironmentLacksError: some are not, each a problem of its own.
    """
    problems = []
    for key, owner in sorted(owners(live, claim).items()):
        if owner not in OWNED:
            problems.append(problem_of(key, live[key], owner, claim))
    if problems:
        raise EnvironmentLacksError(problems)


def problem_of(key: ObjectKey, live: Metadata, owner: ObjectOwner, claim: Claim) -> Problem:
    """Return the problem of an object under a planned name that is not this stack's."""
    suffix = " and is being deleted" if live.get("deletionTimestamp") else ""
    conflict = f"the one on the cluster {owner_phrase(live, owner)}{suffix}"
    message = f"the plan has a {key.kind} of this name, and {conflict}; nothing was written"
    code, hint = _refusal(key, live, owner, claim)
    if suffix:
        # Nobody keeps it any more, so that there is nothing to hand over.
        finalizers = ", ".join(live.get("finalizers") or ())
        held = f" (it has the finalizer {finalizers})" if finalizers else ""
        hint = f"run the command again when it has gone{held}, or choose another name in the description"
    return Problem(code, message, Where(field=str(key)), hint)


def _refusal(key: ObjectKey, live: Metadata, owner: ObjectOwner, claim: Claim) -> tuple[str, str]:
    """Return the code of the problem that an object is somebody else's, and how its name becomes free."""
    if owner is ObjectOwner.OTHER_STACK:
        return "object-of-other-stack", _adoption_hint(live)
    if owner is ObjectOwner.OTHER_FACTORY:
        hint = "give one of the factories a cluster of its own, or remove the other factory first"
        return "object-of-other-factory", hint
    return "object-not-ours", _labelling_hint(key, claim)


def owner_phrase(live: Metadata, owner: ObjectOwner) -> str:
    """Return who owns a live object, as a phrase that follows the object's name in a sentence."""
    labels = live.get("labels") or {}
    if owner is ObjectOwner.OTHER_STACK:
        stack = labels.get(KEYS.stack)
        named = f"by another stack of this factory, {stack}" if stack else "from another state"
        return f"was deployed {named}"
    if owner is ObjectOwner.OTHER_FACTORY:
        return f"belongs to the factory {labels.get(KEYS.factory)!r}"
    if owner is ObjectOwner.OTHER:
        return f"belongs to {labels.get(KEYS.owner)!r}, by its label {KEYS.owner}"
    if _MANAGED_BY in labels:
        return f"has no owner label of this tool; {_MANAGED_BY} is {labels[_MANAGED_BY]!r}"
    managers = {str(entry.get("manager")) for entry in live.get("managedFields") or ()}
    if managers:
        return f"has no owner label of this tool; {', '.join(sorted(managers))} wrote it"
    return "has no owner label of this tool"


def stack_objects(api: Api, claim: Claim) -> dict[ObjectKey, Metadata]:
    """Return the metadata of every object of a factory that carries a stack's UUID, of all deployed kinds.

    With them come those of the lost stacks that this one takes over, whatever the description has of them.

    Raises:
        ApiError: a permission to list is missing.
        UnreachableError: there was no answer.
    """
    stacks = KEYS.stack if claim.adopts or claim.adopted else f"{KEYS.stack}={claim.identity}"
    selector = f"{KEYS.owner}={OWNER},{KEYS.factory}={claim.factory},{stacks}"
    usual: list[Resource] = []
    others: list[Resource] = []
    for kind in api.kinds():
        if "list" not in kind.verbs:
            continue
        if kind.kind in KIND_ORDER or kind.kind == _DEFINITION:
            usual.append(kind)
        elif "delete" in kind.verbs and kind.kind not in _NEVER_DEPLOYED:
            others.append(kind)
    objects = _labelled(api, usual, selector)
    # Manifests of controllers hold objects of any kind. Where there are none, nobody pays for the lists.
    has_others = claim.has_rare_kinds or any(map(is_rare, claim.held or ()))
    if has_others or any(map(_is_of_controller, objects.values())):
        objects.update(_labelled(api, others, selector))
    if not claim.adopted or claim.adopts:
        return objects
    ours = {claim.identity, claim.adopted}
    return {key: live for key, live in objects.items() if live["labels"][KEYS.stack] in ours}


def is_rare(key: ObjectKey) -> bool:
    """Return whether an object's kind is one that only manifests of controllers bring."""
    return key.kind not in KIND_ORDER and key.kind != _DEFINITION


def _labelled(api: Api, kinds: Iterable[Resource], selector: str) -> dict[ObjectKey, Metadata]:
    """Return the metadata of the objects of some kinds that carry labels."""
    calls = []
    for kind in _without_versions(kinds):
        call = partial(list_metadata, api, kind.api_version, kind.kind, selector=selector)
        calls.append(call)
    objects: dict[ObjectKey, Metadata] = {}
    for items in api.many(calls):
        for item in items:
            metadata = item["metadata"]
            # Controllers copy labels: the slices of endpoints have those of their service.
            if not _is_of_controller(metadata) or is_applied(metadata):
                objects[key_of(item)] = metadata
    return objects


def _is_of_controller(metadata: Metadata) -> bool:
    """Return whether an object has the labels of a controller's manifests."""
    return is_of_controller(str((metadata.get("labels") or {}).get(KEYS.component, "")))


def _without_versions(kinds: Iterable[Resource]) -> list[Resource]:
    """Return each kind in one version, which lists all its objects: the rendered one where it is served."""
    kept: dict[tuple[str, str], Resource] = {}
    for kind in kinds:
        key = (kind.api_version.rpartition("/")[0], kind.kind)
        if key not in kept or (kind.api_version, kind.kind) in OBSERVED:
            kept[key] = kind
    return list(kept.values())


def _adoption_hint(live: Metadata) -> str:
    """Return how the objects of a stack whose state is lost are taken over."""
    stack = (live.get("labels") or {}).get(KEYS.stack)
    plain = f" (a plain `pulumi up`: after `pulumi config set sovereign:adopt {stack}`)" if stack else ""
    first = "deploy from the state that made it; if that state is lost"
    return f"{first}, `sovereign-ai up --adopt` takes over what was deployed from it{plain}"


def _labelling_hint(key: ObjectKey, claim: Claim) -> str:
    """Return how an object becomes the factory's, or its name free."""
    namespace = f" --namespace {key.namespace}" if key.namespace else ""
    labels = f"{KEYS.owner}={OWNER} {KEYS.factory}={claim.factory}"
    return (
        "choose another name in the description, or remove the object; to hand it over to the factory: "
        f"`kubectl label {key.kind.lower()} {key.name}{namespace} --overwrite {labels}`, "
        "then `sovereign-ai up --adopt`"
    )

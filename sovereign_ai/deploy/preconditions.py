"""The checks before the first write of a deployment: the right cluster, and no object of anybody else.

`sovereign-ai up` and `preview` make these checks, and so does the program itself, so that a plain `pulumi up`
makes them too. They only read. Their result is recorded afterwards, before the engine starts:

    checked = check_preconditions(api, bundle.objects, deployment)   # every problem at once
    claim_cluster(api, checked, deployment)   # record the cluster, take over the objects of lost stacks
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace
from functools import partial
from typing import Any

import orjson

from sovereign_ai.cluster.api import Api, unless_gone
from sovereign_ai.deploy.definitions import definition_problems
from sovereign_ai.deploy.drift_policy import reports_only
from sovereign_ai.deploy.live.cluster_identity import Recognised, recognise
from sovereign_ai.deploy.live.conflicts import Conflict, conflicts
from sovereign_ai.deploy.live.deployed_record import record_in
from sovereign_ai.deploy.live.ownership import (
    OWNED,
    Claim,
    ObjectOwner,
    is_rare,
    owner_phrase,
    owners,
    require_owned,
    stack_objects,
)
from sovereign_ai.deploy.live.unserved_classes import unserved_classes
from sovereign_ai.deploy.live_objects import Metadata, ObjectKey, key_of, read_live
from sovereign_ai.deploy.moves.handovers import handover_problems
from sovereign_ai.deploy.moves.noted_renames import Renames
from sovereign_ai.deploy.moves.successors import component_of, successors, tenancy_of
from sovereign_ai.deploy.removal.deletions import deletion_problems, replacement_problems
from sovereign_ai.deploy.removal.kept_definitions import kept_definitions
from sovereign_ai.deploy.removal.kept_in_use import kept_in_use
from sovereign_ai.deploy.removal.replacement import must_be_replaced
from sovereign_ai.deploy.removal.termination import Holder, foreign_holders
from sovereign_ai.deploy.stack_deployment import StackDeployment
from sovereign_ai.deploy.state.objects import Held
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.render.kubernetes import is_of_platform
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted


@frozen_dataclass
class Checked:
    """The result of the checks; none of it prevents the deployment.

    Attributes:
        cluster: the cluster, as it was recognised.
        claim: what the stack can prove.
        live: the metadata of the live objects under planned names.
        conflicts: fields that another field manager owns, and that the deployment restores.
        takes_over: objects of lost stacks that the deployment takes over.
        leaving: live objects of the stack that the description does not contain any more.
        left: live objects under names of the state that are not planned any more and belong to somebody else,
            and who that is.
        replaces: objects that must be recreated, because the API server does not accept a change of a field.
        unapproved: problems of the deletions that were not allowed.
        superseded: objects of controllers that the state holds in a form that the engine would delete after
            it has written the new one: of another API version, or recreated already.
        in_use: objects that somebody deleted and that Kueue keeps, each with a planned one that names it.
        kept: definitions of the stack that the description does not bring any more, and that the local
            control plane keeps as its own.
        has_rare_kinds: whether the stack has, or gets, objects of kinds that only controllers bring.
        digest: the digest of the planned objects.
        renames: what the run that was begun last took for renamed.
        releases: what becomes of the work that waits for Kueue, which leaves with them, line by line; a
            command asks for it, which has the description.
        holders: finalizers of others on objects that leave, or have to go before they are made again.
        unserved: the storage classes of which the cluster makes no volumes, a line for each.
    """

    cluster: Recognised
    claim: Claim
    live: Mapping[ObjectKey, Metadata] = field(repr=False)
    conflicts: tuple[Conflict, ...] = ()
    takes_over: tuple[ObjectKey, ...] = ()
    leaving: tuple[ObjectKey, ...] = ()
    left: Mapping[ObjectKey, str] = field(default_factory=dict)
    replaces: tuple[ObjectKey, ...] = ()
    unapproved: tuple[Problem, ...] = ()
    superseded: tuple[ObjectKey, ...] = ()
    in_use: Mapping[ObjectKey, ObjectKey] = field(default_factory=dict)
    kept: tuple[ObjectKey, ...] = ()
    has_rare_kinds: bool = False
    digest: str = ""
    renames: Renames = field(default_factory=Renames)
    releases: tuple[str, ...] = ()
    holders: tuple[Holder, ...] = ()
    unserved: tuple[str, ...] = ()

    @property
    def terminating(self) -> list[ObjectKey]:
        """Live objects under planned names that are being deleted, and will go."""
        going = [key for key, metadata in self.live.items() if metadata.get("deletionTimestamp")]
        return [key for key in going if key not in self.in_use]

    @property
    def orphans(self) -> list[ObjectKey]:
        """Objects that leave and that the state does not hold, as after a crash.

        The engine does not delete them.
        """
        held = self.claim.held or {}
        return [key for key in self.leaving if key not in held]

    @property
    def replaced(self) -> list[str]:
        """The names of the objects that are recreated, sorted."""
        return sorted(map(str, self.replaces))

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {
            "adopted": sorted(map(str, self.takes_over)),
            "conflicts": [conflict.to_data() for conflict in self.conflicts],
            "kept": sorted(map(str, self.kept)),
            "left": sorted(map(str, self.left)),
            "replaced": self.replaced,
            "orphans": sorted(map(str, self.orphans)),
            "terminating": sorted(map(str, self.terminating)),
        }

    def lines_for(self, factory: AIFactory, *, restores: bool = False) -> list[str]:
        """Return what a person should know before the deployment begins, line by line.

        Where drift is only reported, nobody knows yet which of it stays: that is told at the end.

        Args:
            factory: the description.
            restores: whether a person requested that drift is reverted, whatever the description states.
        """
        contested = {conflict.resource for conflict in self.conflicts}
        return self.lines_but_of(contested if reports_only(factory, restores=restores) else ())

    def lines_but_of(self, left: Collection[str]) -> list[str]:
        """Return what a person should know, line by line.

        Args:
            left: the objects that stay as somebody changed them.
        """
        lines = [self.cluster.line] if self.cluster.line else []
        if self.takes_over:
            objects_text = counted(len(self.takes_over), "object")
            lines.append(f"taking over {objects_text} of lost stacks of this factory")
        for key, whose in sorted(self.left.items()):
            line = f"left {key}: it {whose}"
            lines.append(line)
        for key, namer in sorted(self.in_use.items()):
            kept = f"somebody deleted {key}, and Kueue keeps it for {namer}"
            line = f"{kept}: it works on, and `up` makes it again once it has gone"
            lines.append(line)
        for key in self.replaces:
            line = f"{key} is recreated: a field of it cannot be changed"
            lines.append(line)
        for key in sorted(self.terminating):
            line = f"{key} is being deleted: `up` waits until it has gone, and makes it again"
            lines.append(line)
        for holder in self.holders:
            line = f"{holder}: `up` waits until that is removed"
            lines.append(line)
        if self.orphans:
            count = counted(len(self.orphans), "object")
            lines.append(f"{count} of the stack that its state does not hold: removed by `up` too")
        restored = [conflict for conflict in self.conflicts if conflict.resource not in left]
        return [*lines, *self.unserved, *self.releases, *map(str, restored)]


def check_preconditions(
    api: Api,
    objects: Iterable[Mapping[str, Any]],
    deployment: StackDeployment,
) -> Checked:
    """Check that a cluster is the right one and that no object under a planned name is anybody else's.

    Args:
        api: the cluster.
        objects: the objects as the stack deploys them.
        deployment: the stack and its cluster.

    Raises:
        EnvironmentLacksError: it is another cluster, or objects of others have planned names: all of them, at
            once.
        ApiError: a permission to read is missing.
        UnreachableError: there was no answer.
    """
    planned = list(objects)
    stack = deployment.stack
    cluster = recognise(api, deployment.target, stack.record, stack.held)
    # The objects of a control plane that was created anew went with the old one.
    claim = _claim(deployment, {} if cluster.remade else stack.held)
    keys = {key_of(obj) for obj in planned}
    live = read_live(api, keys)
    require_owned(live, claim)
    unplanned = _unplanned(api, keys, claim)
    going, left = _departures(unplanned, claim)
    kept = kept_definitions(going, is_local=claim.is_local)
    leaving = _without(going, kept)
    # A state that is lost holds nothing of what is taken over.
    total = len({*(claim.held or {}), *live, *leaving})
    replaces = must_be_replaced(api, planned, live, claim.held)
    held = claim.held or {}
    homes = _homes(leaving, planned, held)
    digest = hashlib.sha256(orjson.dumps(planned, option=orjson.OPT_SORT_KEYS)).hexdigest()
    allowed, name = deployment.allowed, deployment.target.deployment
    noted, is_resumed = stack.record.begun_renames(name), digest == stack.record.begun(name)
    # An older version noted none.
    renames = Renames.from_data(noted, is_resumed=is_resumed and bool(noted))
    renamed = _renamed(leaving, planned, held, deployment, renames)
    if is_resumed:
        # The run that was cut short was allowed to delete this many. Which of them are renamed parts, what
        # it has made and deleted by now hides.
        allowed = replace(allowed, mass=True)
    unapproved = deletion_problems(api, leaving, total, allowed, renamed, homes)
    unapproved += replacement_problems(replaces, deployment.allowed)
    unapproved += definition_problems(api, planned, leaving, deployment.allowed)
    unapproved += handover_problems(api, planned, live)
    return Checked(
        cluster=cluster,
        claim=claim,
        live=live,
        conflicts=tuple(conflicts(api, planned, live)),
        takes_over=tuple(sorted(_taken_over({**unplanned, **live}, claim))),
        leaving=leaving,
        left=left,
        replaces=tuple(replaces),
        unapproved=tuple(unapproved),
        in_use=kept_in_use(api, planned, live),
        holders=foreign_holders(_going(live, unplanned, leaving, replaces)),
        superseded=tuple(_superseded(planned, held, frozenset(replaces))),
        kept=kept,
        unserved=() if claim.is_local else unserved_classes(api, planned),
        has_rare_kinds=any(map(is_rare, (*keys, *held, *leaving))),
        digest=digest,
        renames=renames,
    )


def previewed_deletions(
    api: Api, objects: Iterable[Mapping[str, Any]], deployment: StackDeployment
) -> tuple[ObjectKey, ...]:
    """Return the live objects of a stack that a deployment deletes, as `Checked.leaving` has them.

    Args:
        api: the cluster.
        objects: the objects as the stack deploys them.
        deployment: the stack and its cluster.

    Raises:
        ApiError: a permission to read is missing.
        UnreachableError: there was no answer.
    """
    claim = _claim(deployment, deployment.stack.held)
    going, _ = _departures(_unplanned(api, set(map(key_of, objects)), claim), claim)
    return _without(going, kept_definitions(going, is_local=claim.is_local))


def previewed_replacements(
    api: Api,
    objects: Iterable[Mapping[str, Any]],
    deployment: StackDeployment,
) -> frozenset[ObjectKey]:
    """Return the objects that a deployment recreates, so that a preview does not try to change them.

    Args:
        api: the cluster.
        objects: the objects as the stack deploys them.
        deployment: the stack and its cluster.

    Raises:
        ApiError: a permission to read is missing.
        UnreachableError: there was no answer.
    """
    planned = list(objects)
    live = read_live(api, map(key_of, planned))
    return frozenset(must_be_replaced(api, planned, live, deployment.stack.held))


def claim_cluster(
    api: Api, checked: Checked, deployment: StackDeployment, renames: Renames | None = None
) -> None:
    """Record the cluster of a stack, and label the objects of lost stacks that it takes over.

    Args:
        api: the cluster.
        checked: the result of the checks.
        deployment: the stack and its cluster.
        renames: what this deployment takes for renamed, noted where it is the one that begins.

    Raises:
        ApiError: the API server refused to label an object.
        EnvironmentLacksError: the stack's record is damaged.
        UnreachableError: there was no answer.
    """
    name, record = deployment.target.deployment, deployment.stack.record
    if record.cluster(name) != checked.cluster.identity:
        record.put_cluster(name, checked.cluster.identity)
    # Before any of them is written: a run that is cut short records none of what it had just begun.
    if record.has_rare_kinds(name) != checked.has_rare_kinds:
        record.put_rare_kinds(name, has_any=checked.has_rare_kinds)
    if record.begun(name) != checked.digest:
        record.put_begun(name, checked.digest, renames.to_data() if renames else None)
    api.many(partial(_mark, api, key, checked) for key in checked.takes_over)


def require_approval(checked: Checked) -> None:
    """Refuse a deployment with deletions that were not allowed.

    Raises:
        UsageError: what it deletes, and how that is allowed.
    """
    if checked.unapproved:
        raise UsageError(checked.unapproved)


def _claim(deployment: StackDeployment, held: Held | None) -> Claim:
    """Return what a stack can prove, with the objects of its state."""
    stack = deployment.stack
    return Claim(
        factory=deployment.factory,
        identity=stack.identity,
        held=held,
        is_local=deployment.target.is_local,
        adopts=deployment.adopts,
        adopted=deployment.adopted,
        has_rare_kinds=stack.record.has_rare_kinds(deployment.target.deployment),
    )


def _without(keys: Iterable[ObjectKey], kept: Collection[ObjectKey]) -> tuple[ObjectKey, ...]:
    """Return keys without some of them."""
    return tuple(key for key in keys if key not in kept)


def _superseded(
    planned: Iterable[Mapping[str, Any]], held: Held, replaces: frozenset[ObjectKey]
) -> list[ObjectKey]:
    """Return the objects of controllers whose resource in the state is not that of the planned object.

    A resource's type has the API version in it, so that another version is another resource to the engine,
    and the same object to the cluster. A recreated object is written before the engine starts, and the
    provider does not wait until what it deletes is gone.
    """
    versions = {key: key.api_version for key in held}
    keys: list[ObjectKey] = []
    for obj in filter(is_of_platform, planned):
        key = key_of(obj)
        if key in versions and (versions[key] != key.api_version or key in replaces):
            keys.append(key)
    return sorted(keys)


def _unplanned(api: Api, planned: Collection[ObjectKey], claim: Claim) -> dict[ObjectKey, Metadata]:
    """Return the live objects that are not planned any more and are, or were, the stack's."""
    held = [key for key in claim.held or () if key not in planned]
    live = {**stack_objects(api, claim), **read_live(api, held)}
    return {key: metadata for key, metadata in live.items() if key not in planned}


def _departures(
    unplanned: Mapping[ObjectKey, Metadata], claim: Claim
) -> tuple[tuple[ObjectKey, ...], dict[ObjectKey, str]]:
    """Return the objects that are not planned any more: the stack's own, and those of somebody else."""
    # What leaves is deleted, so the strict rules decide whose it is. What a lost stack deployed is taken over
    # as a whole: nobody else would ever remove the part of it that the description does not have.
    strict = replace(claim, strict=True)
    leaving: list[ObjectKey] = []
    left: dict[ObjectKey, str] = {}
    for key, owner in owners(unplanned, strict).items():
        if owner in OWNED:
            leaving.append(key)
        else:
            left[key] = owner_phrase(unplanned[key], owner)
    return tuple(sorted(leaving)), left


def _renamed(
    leaving: Iterable[ObjectKey],
    planned: Iterable[Mapping[str, Any]],
    held: Held,
    deployment: StackDeployment,
    noted: Renames,
) -> frozenset[ObjectKey]:
    """Return the objects that leave because their part, or the tenant of their namespace, has another name.

    Args:
        leaving: the stack's objects that are not planned any more.
        planned: the objects as the stack deploys them.
        held: the objects in the stack's state, as they were stated.
        deployment: the stack and its cluster.
        noted: what the run that was begun last took for renamed.
    """
    # What a state holds of an object need not name its kind.
    stated = {key: {"kind": key.kind, **item.inputs} for key, item in held.items()}
    factory, cluster = deployment.factory, deployment.target.name
    described = record_in(planned, factory, cluster).components
    # A run that was cut short may have recorded what it had not brought yet.
    recorded = record_in(stated.values(), factory, cluster).components - noted.coming
    new_names = successors(stated.values(), planned, described, recorded)
    has_successor = {component for component, successor in new_names.items() if successor}
    namespaces = set()
    for key, obj in stated.items():
        if key.kind == "Namespace" and component_of(obj) in has_successor:
            namespaces.add(key.name)
    renamed = set()
    for key in leaving:
        if key in stated and (component_of(stated[key]) in has_successor or key.namespace in namespaces):
            renamed.add(key)
    return frozenset(renamed)


def _homes(leaving: Iterable[ObjectKey], planned: Iterable[Mapping[str, Any]], held: Held) -> dict[str, str]:
    """Return the namespaces whose tenant enters another zone and stays in this one, each with its zone.

    A tenant's only namespace has its name; of several the one of its home.
    """
    stays = set()
    for obj in planned:
        if obj["kind"] == "Namespace":
            stays.add(tenancy_of(obj))
    homes = {}
    for key in leaving:
        if key.kind == "Namespace" and key in held:
            tenant, zone = tenancy_of(held[key].inputs)
            if key.name == tenant and (tenant, zone) in stays:
                homes[tenant] = zone
    return homes


def _going(
    live: Mapping[ObjectKey, Metadata],
    unplanned: Mapping[ObjectKey, Metadata],
    leaving: Iterable[ObjectKey],
    replaces: Iterable[ObjectKey],
) -> dict[ObjectKey, Metadata]:
    """Return the objects that a deployment waits for: what leaves, is made again or is being deleted."""
    going = {key: unplanned[key] for key in leaving}
    going |= {key: live[key] for key in replaces}
    return going | {key: metadata for key, metadata in live.items() if metadata.get("deletionTimestamp")}


def _taken_over(live: Mapping[ObjectKey, Metadata], claim: Claim) -> list[ObjectKey]:
    """Return the objects that are the stack's only because other stacks are declared lost."""
    if not claim.adopts and not claim.adopted:
        return []
    without_adoption = Claim(claim.factory, claim.identity, claim.held, claim.is_local)
    return [key for key, owner in owners(live, without_adoption).items() if owner is ObjectOwner.OTHER_STACK]


def _mark(api: Api, key: ObjectKey, checked: Checked) -> None:
    """Write the stack's labels to an object; a merge patch changes nothing else, and owns nothing else."""
    claim = checked.claim
    labels = {KEYS.owner: OWNER, KEYS.factory: claim.factory, KEYS.stack: claim.identity}
    # With the uid in it, the server refuses the patch if somebody recreated the object since the check.
    change = {"metadata": {"uid": key.uid, "labels": labels}}
    # One that went in the meantime is made anew, as the stack's own.
    unless_gone(partial(api.patch, key.api_version, key.kind, key.name, change, key.namespace or None))

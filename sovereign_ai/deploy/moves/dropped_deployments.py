"""Refuse that a program drops a deployment, and the engine all that it holds, without that being asked for.

A deployment that is still declared checks its own deletions (`preconditions.py`). Of one that the program
does not declare any more no code runs: the engine deletes each of its objects when the program has ended,
tenants' namespaces with everything in them. So the language host asks at the end of a program, before the
engine deletes anything (`language_host/language_program.py`). YAML and TypeScript have no such place.

    require_asked_drops("organization", "project", "stack")
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi

from sovereign_ai.cluster.api import Api, open_cluster
from sovereign_ai.deploy.allowed_deletions import Allowed, allowed_by
from sovereign_ai.deploy.control_plane_setup import is_local
from sovereign_ai.deploy.live_objects import ObjectKey, read_live
from sovereign_ai.deploy.moves.deployment_roots import roots_in
from sovereign_ai.deploy.program import current
from sovereign_ai.deploy.refusal import note_refusal
from sovereign_ai.deploy.removal.deletions import losses
from sovereign_ai.deploy.state.objects import Held, held_objects
from sovereign_ai.deploy.state.stack_context import context_of_program
from sovereign_ai.deploy.state.stack_record import current_backend
from sovereign_ai.errors import Problem, SovereignError, UsageError, Where
from sovereign_ai.text import counted

Resource = Mapping[str, Any]


def require_requested_drops(organization: str, project: str, stack: str) -> None:
    """Check the deployments that a program which has run to its end does not declare any more.

    Args:
        organization: Pulumi's organization.
        project: the Pulumi project.
        stack: the Pulumi stack.

    Raises:
        pulumi.RunError: what the engine would delete, and how that is asked for.
    """
    program = current()
    # A program that declares all that its state has, as nearly every one does, has no state read again.
    if program.deployments and program.known <= program.urns:
        return
    config = pulumi.Config("sovereign")
    allowed = allowed_by(os.environ, config.get("allowDelete"), config.get_bool("allowMassDeletion"))
    try:
        resources = context_of_program(organization, project, stack, "").resources or ()
        problems = list(drop_problems(resources, program.urns, allowed))
        if problems:
            raise UsageError(problems)
    except SovereignError as error:
        note_refusal(current_backend(), error)
        raise pulumi.RunError(str(error)) from None


def drop_problems(
    resources: Iterable[Resource],
    declared: Collection[str],
    allowed: Allowed,
    connect: Callable[[Path, str | None], Api] = open_cluster,
) -> Iterator[Problem]:
    """Yield the problems of the deployments of a state that a program does not declare.

    Args:
        resources: as `pulumi stack export` lists them.
        declared: URNs of the deployments that the program declares, with those of their aliases.
        allowed: the deletions that were asked for.
        connect: opens the cluster of a kubeconfig and a context.
    """
    listed = list(resources)
    for root, members in roots_in(listed):
        held = held_objects(item for item in members if not item.get("retainOnDelete"))
        if root["urn"] not in declared and held:
            yield from _problems_of(root, held, listed, allowed, connect)


def _problems_of(
    root: Resource,
    held: Held,
    resources: Iterable[Resource],
    allowed: Allowed,
    connect: Callable[[Path, str | None], Api],
) -> Iterator[Problem]:
    """Yield the problems of one deployment: objects that are others' now, others' work, and itself."""
    name, urn = str(root["urn"]).rpartition("::")[2], str(root["urn"])
    forget = f"`pulumi state delete --target-dependents {shlex.quote(urn)}` drops it from the state"
    dropped = f"the program does not declare the deployment {name!r} any more"
    kubeconfig, context = _target(held, resources)
    if kubeconfig is None:
        yield Problem("deployment-dropped", f"{dropped}, and its state names no kubeconfig", hint=forget)
        return
    try:
        api = connect(kubeconfig, context)
        live = read_live(api, held)
        own = sorted(key for key, metadata in live.items() if metadata.get("uid") == held[key].uid)
        if others := sorted(live.keys() - set(own)):
            yield _others(dropped, others, forget)
        lost = losses(api, (key.name for key in own if key.kind == "Namespace" and not allowed.has(key.name)))
    except SovereignError as error:
        why = f"{dropped}, and what deleting it destroys is unknown: {error.problems[0].message}"
        yield Problem("deployment-dropped", why, hint=f"repair the way to its cluster; {forget}")
        return
    for loss in lost:
        if not loss.is_empty:
            consent = f"ask for its deletion: {allowed.option_to_allow(loss.namespace)}"
            where = Where(field=f"Namespace/{loss.namespace}")
            message = f"{dropped}, and deleting this namespace of it destroys {loss}"
            yield Problem("deletes-data", message, where, f"put the deployment back; or {consent}")
    inputs = root.get("inputs") or {}
    if own and is_local(str(inputs.get("cluster")), kubeconfig):
        message = f"{dropped}, and the engine would stop half-way: the policies of this cluster are guarded"
        end = f"end the cluster, `sovereign-ai cluster down {inputs.get('cluster')}`, after which {forget}"
        yield Problem("deployment-dropped", message, hint=f"`sovereign-ai down` removes a factory; or {end}")
    elif own and not allowed.mass:
        objects = counted(len(own), "object")
        message = f"{dropped}: the engine would delete {objects} of it on {api.server}"
        consent = f"ask for it: {allowed.option_to_allow_mass}"
        moved = f'if it is called or placed otherwise now, give that the option `aliases=["{urn}"]`'
        yield Problem("deployment-dropped", message, hint=f"{moved}; or {consent}; or {forget}")


def _others(dropped: str, others: Collection[ObjectKey], forget: str) -> Problem:
    """Return the problem of objects that the engine would take for those of the deployment."""
    first = min(others)
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    message = f"{dropped}, and the engine would delete {first}{more}, which somebody made again since"
    return Problem("object-not-ours", message, hint=forget)


def _target(held: Held, resources: Iterable[Resource]) -> tuple[Path | None, str | None]:
    """Return the kubeconfig and the context by which the objects of a deployment were deployed."""
    providers = {item.provider for item in held.values()}
    for resource in resources:
        inputs = resource.get("inputs")
        if resource.get("urn") in providers and isinstance(inputs, Mapping) and inputs.get("kubeconfig"):
            return Path(str(inputs["kubeconfig"])), inputs.get("context") or None
    return None, None

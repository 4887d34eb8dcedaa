"""Recognise live objects of a deployment that a program declares below another component than its state.

The engine knows a resource by its URN, which has the types of its parents in it. A deployment that moves
below another component, or out of one, has other URNs, as has one that is renamed: without an alias the
engine creates each object once more, which finds the live one, and then deletes it by its old URN, and with a
namespace everything in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.cluster.api import Api
from sovereign_ai.deploy.live_objects import ObjectKey, key_of, read_live
from sovereign_ai.deploy.state.objects import DEPLOYMENT, Held, held_objects
from sovereign_ai.deploy.state.stack_context import StackContext
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.text import counted

STACK = "pulumi:pulumi:Stack"
"""The type of the resource below which a program registers everything."""


def component_urns(resources: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the URNs of the components of all deployments in a state."""
    return {str(item.get("urn")) for item in resources if item.get("type") == DEPLOYMENT}


def roots_in(
    resources: Iterable[Mapping[str, Any]],
) -> Iterator[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Yield the component of each deployment in a state, with all resources below it.

    Args:
        resources: as `pulumi stack export` lists them, parents before their children.
    """
    members: dict[str, list[Mapping[str, Any]]] = {}
    roots: dict[str, str] = {}
    components = []
    for resource in resources:
        urn = str(resource.get("urn"))
        if resource.get("type") == DEPLOYMENT:
            roots[urn] = urn
            members[urn] = []
            components.append(resource)
        elif (root := roots.get(str(resource.get("parent")))) is not None:
            roots[urn] = root
            members[root].append(resource)
    for component in components:
        yield component, members[str(component.get("urn"))]


def require_known_place(
    api: Api,
    objects: Iterable[Mapping[str, Any]],
    stack: StackContext,
    is_declared: Callable[[Mapping[str, Any]], bool],
) -> None:
    """Check that the state has no live object of a deployment below a component that the program moved.

    Args:
        api: the cluster.
        objects: the objects as the program deploys them.
        stack: the stack.
        is_declared: whether a component of the state is this deployment, here or by an alias.

    Raises:
        UsageError: it has.
        ApiError: a permission to read is missing.
        UnreachableError: there was no answer.
    """
    planned = set(map(key_of, objects))
    for root, members in roots_in(stack.resources or ()):
        if is_declared(root):
            continue
        met = _met(api, {key: item for key, item in held_objects(members).items() if key in planned})
        if met:
            raise UsageError(_moved(str(root["urn"]), met))


def require_only_deployment(stack: StackContext) -> None:
    """Check that a state holds no other deployment, which would go with this one, unseen by any check.

    Raises:
        UsageError: it holds some, a problem for each.
    """
    problems = []
    for root, members in roots_in(stack.resources or ()):
        name, held = str(root["urn"]).rpartition("::")[2], held_objects(members)
        if name == stack.deployment or not held:
            continue
        objects = counted(len(held), "object")
        message = (
            f"the state holds the deployment {name!r} too, whose {objects} would go with {stack.deployment!r}"
        )
        hint = (
            f"take {name!r} out of the program and run `pulumi up`, which asks for what that deletes; "
            "then run this again"
        )
        problems.append(Problem("several-deployments", message, hint=hint))
    if problems:
        raise UsageError(problems)


def parent_type_of(root: Mapping[str, Any]) -> str:
    """Return the type of the parent that a component has in a state."""
    return _type_of(str(root.get("parent") or f"::::{STACK}::"))


def _met(api: Api, held: Held) -> list[ObjectKey]:
    """Return the objects of a state that are live on a cluster, as those that the state means."""
    if not held:
        return []
    live = read_live(api, held)
    return sorted(key for key, item in held.items() if key in live and live[key].get("uid") == item.uid)


def _moved(urn: str, met: Collection[ObjectKey]) -> Problem:
    """Return the problem of live objects that would be deleted under their former URNs."""
    first = min(met)
    more = f" and {len(met) - 1} more" if len(met) > 1 else ""
    above = _type_of(urn.rpartition("$")[0] + "::") if "$" in urn else ""
    place = f"a component below {above}" if above else "a component at the top of the program"
    message = (
        f"the engine would delete {first}{more}, which this program deploys: the state has it in {place}, "
        "and the program declares that elsewhere"
    )
    hint = f'give the deployment the option `aliases=["{urn}"]`, or its old parent'
    return Problem("deployment-moved", message, hint=hint)


def _type_of(urn: str) -> str:
    """Return the type in a URN, without those of its parents."""
    parts = urn.split("::")
    return parts[2].rpartition("$")[2] if len(parts) > 2 else ""

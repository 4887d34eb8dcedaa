"""Recognise a deployment that a program gives another name than its state has, before that deletes anything.

Pulumi knows a resource by its name alone. Under another name, and without an alias, the engine creates each
object once more, which finds the live one, and then deletes the resource with the old name: the same live
object, and with a namespace everything in it. The same happens where a state has an object under two names,
as after a run of an earlier version that was cut short.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sovereign_ai.cluster.api import Api
from sovereign_ai.deploy.live_objects import ObjectKey, key_of, read_live
from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.state.objects import names_in
from sovereign_ai.deploy.state.stack_context import StackContext
from sovereign_ai.errors import Problem, UsageError


def require_known_names(
    api: Api, objects: Iterable[Mapping[str, Any]], stack: StackContext, former: Collection[str]
) -> None:
    """Check that the state has no live object of a deployment under a name that the program does not give.

    Args:
        api: the cluster.
        objects: the objects as the program deploys them.
        stack: the stack, with the deployment's name in the program.
        former: the names that the deployment had before, as its aliases say.

    Raises:
        UsageError: it has.
        ApiError: a permission to read is missing.
        UnreachableError: there was no answer.
    """
    planned = {key_of(obj): resource_name(obj) for obj in objects}
    # Versions before names had a prefix are known to every deployment.
    prefixes = ("", *(f"{name}/" for name in (stack.deployment, *former)))
    names: dict[ObjectKey, list[str]] = defaultdict(list)
    uids: dict[ObjectKey, str] = {}
    for key, name, uid in names_in(stack.resources or ()):
        if key in planned:
            names[key].append(name)
            uids[key] = uid
    others: dict[ObjectKey, str] = {}
    for key, given in names.items():
        known = {prefix + planned[key] for prefix in prefixes}
        unknown = [name for name in given if name not in known]
        if unknown or len(given) > 1:
            # Of two names of one object the engine deletes the one that the program does not give.
            others[key] = (unknown or sorted(given, key=len))[0]
    if not others:
        return
    # A program may deploy the same objects to two clusters: only what is live on this one would be deleted.
    live = read_live(api, others)
    met = sorted(key for key in others if key in live and live[key].get("uid") == uids[key])
    if met:
        raise UsageError(_deleted(met, others, planned, stack.deployment))


def _deleted(
    met: Sequence[ObjectKey],
    names: Mapping[ObjectKey, str],
    planned: Mapping[ObjectKey, str],
    deployment: str,
) -> Problem:
    """Return the problem of live objects that would be deleted under the name that the state has for them."""
    first = met[0]
    more = f" and {len(met) - 1} more" if len(met) > 1 else ""
    message = f"the engine would delete {first}{more}, which this program deploys: the state has it as "
    if names[first] == planned[first]:
        hint = "`sovereign-ai up` drops the former names from the state"
        return Problem("deployment-renamed", f"{message}{names[first]!r} too", hint=hint)
    name = names[first].removesuffix(f"/{planned[first]}")
    message += f"an object of the deployment {name!r}, and the program calls that {deployment!r}"
    hint = f'give the deployment the option `aliases=[pulumi.Alias(name="{name}")]`, or its old name'
    return Problem("deployment-renamed", message, hint=hint)

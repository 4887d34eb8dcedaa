"""The definitions of kinds that a deployment brings: written and served before any object of their kind.

The engine orders resources and does not know from when on an API server serves a kind. So the definitions
are applied here first, and waited for; the engine then applies the same objects under the same field manager,
which changes nothing.

Objects of a kind whose definition leaves go first too, while the controller still runs that takes its
finalizers off them. A definition that leaves takes along every object of its kind, whoever made it: that must
be allowed by name. Those of others go together with the stack's own: a controller may hold one for the other,
as Trainer holds a runtime for the TrainJobs that name it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from sovereign_ai.cluster.api import Api
from sovereign_ai.deploy.allowed_deletions import Allowed
from sovereign_ai.deploy.live_objects import ObjectKey, delete, key_of, list_metadata
from sovereign_ai.deploy.objects import FIELD_MANAGER, stated
from sovereign_ai.deploy.removal.termination import WAIT_SECONDS, wait_until_gone
from sovereign_ai.errors import DeploymentError, Problem, Where
from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes import is_of_platform
from sovereign_ai.spec import defined_kind, is_definition
from sovereign_ai.toolchain import polling
from sovereign_ai.verify import difference

Object = Mapping[str, Any]
Progress = Callable[[str], object]
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")
_API = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.1
_SHOWN = 4
"""Objects of others that a problem names; of more it says how many."""


def unserved(api: Api, objects: Iterable[Object]) -> frozenset[tuple[str, str]]:
    """Return apiVersion and kind of objects that only the deployment's own definitions make possible.

    Args:
        api: the cluster.
        objects: the objects that are about to be deployed.

    Raises:
        UnreachableError: there was no answer.
    """
    listed = list(objects)
    defined = {definition[:2] for obj in listed if (definition := defined_kind(obj))}
    if not defined:
        return frozenset()
    served = {(kind.api_version, kind.kind) for kind in api.kinds()}
    missing: set[tuple[str, str]] = set()
    for obj in listed:
        version, kind = str(obj["apiVersion"]), str(obj["kind"])
        if (version.rpartition("/")[0], kind) in defined and (version, kind) not in served:
            missing.add((version, kind))
    return frozenset(missing)


def define(
    api: Api, objects: Iterable[Object], progress: Progress, *, wait_seconds: float = _WAIT_SECONDS
) -> list[str]:
    """Apply the definitions among some objects that differ from the live ones, and wait until all are served.

    Args:
        api: the cluster.
        objects: the bundle's objects.
        progress: called with a line for each definition.
        wait_seconds: how long the API server may take to serve them.

    Returns:
        The names of the definitions that were written, sorted.

    Raises:
        DeploymentError: one is not served after that time, with the server's reason.
        ApiError: the API server refused one.
        UnreachableError: there was no answer.
    """
    wanted = {str(obj["metadata"]["name"]): obj for obj in objects if is_definition(obj)}
    if not wanted:
        return []
    live = {obj["metadata"]["name"]: obj for obj in api.list(*_API)}
    changed: list[str] = []
    for name, obj in sorted(wanted.items()):
        if name not in live or list(difference.object_differences(obj, live[name])):
            changed.append(name)
            progress(f"define {name}")
    api.many(
        partial(api.apply, stated(wanted[name]), field_manager=FIELD_MANAGER, force=True) for name in changed
    )
    waiting = dict.fromkeys(changed or wanted, "it was not read yet")
    for is_last in polling(wait_seconds, _POLL_SECONDS):
        live = {obj["metadata"]["name"]: obj for obj in api.list(*_API)}
        waiting = {name: reason for name in waiting if (reason := _obstacle(live.get(name)))}
        if not waiting:
            return changed
        if is_last:
            raise DeploymentError(_problem(name, reason, wait_seconds) for name, reason in waiting.items())
    return changed


def _obstacle(live: Object | None) -> str:
    """Return why a definition is not served; empty if it is."""
    conditions = ((live or {}).get("status") or {}).get("conditions") or ()
    reasons: list[str] = []
    for condition in conditions:
        if condition.get("type") == "Established" and condition.get("status") == "True":
            return ""
        if condition.get("status") == "False":
            reasons.append(str(condition.get("message", "")))
    return "; ".join(reasons) or "the API server gives no reason"


def _problem(name: str, reason: str, seconds: float) -> Problem:
    """Return the problem of a definition that is not served in time."""
    message = f"{name} is not served after {seconds:g} s: {reason}"
    return Problem("crd-not-established", message, hint=f"`kubectl describe crd {name}` shows more")


def definition_problems(
    api: Api, objects: Iterable[Object], leaving: Collection[ObjectKey], allowed: Allowed
) -> list[Problem]:
    """Return a problem for each definition that leaves and is needed, or takes objects of others along.

    Args:
        api: the cluster.
        objects: the objects that are about to be deployed.
        leaving: objects of the stack that the description does not contain any more.
        allowed: the deletions that were allowed.

    Raises:
        ApiError: a permission to list is missing.
        UnreachableError: there was no answer.
    """
    going = frozenset(leaving)
    needed: dict[tuple[str, str], Object] = {}
    for obj in objects:
        needed.setdefault((str(obj["apiVersion"]).rpartition("/")[0], str(obj["kind"])), obj)
    problems: list[Problem] = []
    for key, definition in _definitions_among(api, leaving):
        name, defined, where = key.name, defined_kind(definition), Where(field=str(key))
        if defined is None:
            continue
        if example := needed.get(defined[:2]):
            message = f"the description no longer has this definition, and {key_of(example)} needs it"
            hint = _staying_hint(example, name)
            problems.append(Problem("definition-leaves", f"{message}; nothing was changed", where, hint))
        elif not allowed.has(name) and (others := _others(api, definition, going)):
            message = f"the description no longer has this definition, and deleting it destroys {others}"
            hint = f"put it back into the manifests; or ask for its deletion: {allowed.option_to_allow(name)}"
            problems.append(Problem("deletes-data", f"{message}; nothing was changed", where, hint))
    return problems


def removed_definition_problems(
    api: Api, going: Collection[ObjectKey], namespaces: Collection[str], allowed: Allowed
) -> list[Problem]:
    """Return a problem for each definition that a removal takes away together with objects of others.

    What is in a namespace that is removed goes with the namespace, which is another question.

    Args:
        api: the cluster.
        going: objects that are removed.
        namespaces: names of the namespaces among them.
        allowed: the deletions that were allowed.

    Raises:
        ApiError: a permission to list is missing.
        UnreachableError: there was no answer.
    """
    problems: list[Problem] = []
    for key, definition in _definitions_among(api, going):
        name = key.name
        if not allowed.has(name) and (others := _others(api, definition, going, namespaces)):
            message = f"removing this definition destroys {others}; nothing was changed"
            give = f"kubectl label crd {name} {KEYS.owner}=NAME --overwrite"
            hint = f"ask for it: {allowed.option_to_allow(name)}; or leave it to whoever uses it: `{give}`"
            problems.append(Problem("deletes-data", message, Where(field=str(key)), hint))
    return problems


def _definitions_among(api: Api, keys: Iterable[ObjectKey]) -> Iterator[tuple[ObjectKey, Object]]:
    """Yield the definitions among some objects as they are on the cluster, each with its key."""
    going = {key.name: key for key in keys if (key.group, key.kind) == _DEFINITION}
    if not going:
        return
    for definition in api.list(*_API):
        key = going.get(definition["metadata"]["name"])
        # Somebody else's under the same name is no concern of this stack.
        if key and key.uid in {"", definition["metadata"].get("uid")}:
            yield key, definition


def _staying_hint(example: Object, definition: str) -> str:
    """Return what to do about a definition that leaves and that an object needs."""
    if is_of_platform(example):
        return "keep the definition in the manifests, or take out the controller that needs it"
    # Deployed objects of somebody else are left as they are, and dropped from the stack's state.
    give = f"kubectl label crd {definition} {KEYS.owner}=NAME --overwrite"
    return f"keep the controller in 'platform'; or leave the definition to somebody else: `{give}`"


def _others(
    api: Api, definition: Object, going: Collection[ObjectKey], namespaces: Collection[str] = ()
) -> str:
    """Return what of a definition's kind does not go anyway, in words; empty for nothing.

    Others are also other stacks of this tool, and whoever submitted work by it.
    """
    names: list[str] = []
    for obj in _objects(api, definition):
        key = key_of(obj)
        if key not in going and key.namespace not in namespaces:
            names.append(f"{key.namespace}/{key.name}" if key.namespace else key.name)
    if not names:
        return ""
    shown = sorted(names)[:_SHOWN]
    if len(names) > _SHOWN:
        shown.append("and more")
    return f"{len(names)} {definition['spec']['names']['kind']} of others: {', '.join(shown)}"


def _is_independent(obj: Object) -> bool:
    """Return whether an object has no controller: one that has goes with it, or would be made again."""
    return not any(owner.get("controller") for owner in obj["metadata"].get("ownerReferences") or ())


def _objects(api: Api, definition: Object) -> Iterator[Object]:
    """Yield the objects of a definition's kind by their metadata; none where no version is served."""
    spec = definition["spec"]
    for version in spec["versions"]:
        if version.get("served"):
            yield from list_metadata(api, f"{spec['group']}/{version['name']}", str(spec["names"]["kind"]))
            return


def remove_custom(
    api: Api,
    leaving: Collection[ObjectKey],
    progress: Progress,
    *,
    wait_seconds: float = WAIT_SECONDS,
    require_hold: Callable[[], object] = lambda: None,
) -> list[ObjectKey]:
    """Delete the objects of leaving definitions' kinds, and wait until they are gone.

    These are those of the stack that leave, and all of others that no controller made.

    Args:
        api: the cluster.
        leaving: objects of the stack that leave.
        progress: called with a line for each object.
        wait_seconds: how long to wait for one about which nothing changes.
        require_hold: called before each deletion; raises once this command does not hold the stack any more.

    Returns:
        The deleted objects, sorted.

    Raises:
        DeploymentError: something holds one, with its finalizer and who set it.
        ApiError: the API server refused a deletion.
        UnreachableError: there was no answer.
    """
    kinds: set[tuple[str, str]] = set()
    others: set[ObjectKey] = set()
    for _, definition in _definitions_among(api, leaving):
        if defined := defined_kind(definition):
            kinds.add(defined[:2])
            others.update(map(key_of, filter(_is_independent, _objects(api, definition))))
    if not kinds:
        return []
    going = sorted(others.union(key for key in leaving if (key.group, key.kind) in kinds))
    for key in going:
        require_hold()
        progress(f"delete {key}")
        delete(api, key)
    wait_until_gone(api, going, progress, wait_seconds)
    return going

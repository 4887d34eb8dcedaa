"""Find the objects of a description that the API server would refuse, before anything is written.

The server validates by rules that no client can repeat: versions, names, quantities, immutable fields. So
every object that is to be created or changed is sent to it in a dry run, one for each shape, and a refusal
becomes a problem at the line of the description that the object comes from. Not reported are

- refusals by admission policies of this tool: they belong to the deployed description, and change in their
  turn;
- immutable fields: such an object is tried under another name, as it would be created in place of the old
  one;
- objects in a namespace that does not exist yet: they are tried in `default`, where only their validation
  counts;
- objects of a kind that the description itself defines, and that is not served yet;
- admission policies that the same API server accepted before, as in the `preview` of an `up`.

What leaves is tried as well, whoever deletes it: each object outside namespaces, and one of each kind in each
namespace. An identity that may create objects need not be permitted to delete them, and a policy of the
cluster may keep some.

    problems = dry_run_problems(api, bundle.objects, place_of(factory))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from sovereign_ai.cluster.api import Api, ApiError, list_if_served
from sovereign_ai.deploy.definitions import unserved
from sovereign_ai.deploy.live.accepted_policies import AcceptedPolicies
from sovereign_ai.deploy.live.object_quotas import quota_problems
from sovereign_ai.deploy.live.owned_fields import gives_up
from sovereign_ai.deploy.live_objects import ObjectKey, key_of
from sovereign_ai.deploy.objects import FIELD_MANAGER, resource_name, stated
from sovereign_ai.deploy.removal.withdrawal import deleted_singly
from sovereign_ai.errors import EnvironmentLacksError, Problem, SpecError, UsageError, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS
from sovereign_ai.plan import plan_manifests
from sovereign_ai.render.kubernetes import WEBHOOKS
from sovereign_ai.spec import AIFactory
from sovereign_ai.verify import UNREAD

Object = Mapping[str, Any]
Locator = Callable[[Object], Where]
"""Returns the place in the description that an object comes from."""

TRIED = "SOVEREIGN_AI_TRIED"
"""Environment variable with the digest of the bundle that the command has tried already."""
MOST_BYTES = 1_572_864
"""The largest request that etcd accepts (--max-request-bytes, 1.5 MiB). A dry run does not reach etcd."""
_PARTS = {"pool": "pools", "storage": "storage", "tenant": "tenants", "zone": "zones"}
"""Kind of a component to the field of the description that holds such parts."""
_GUARD = "sovereign-guard.static.k8s.io"
_OUR_POLICIES = ("ValidatingAdmissionPolicy 'sovereign-", 'ValidatingAdmissionPolicy "sovereign-', _GUARD)
_CANNOT_BE_TRIED = "does not support dry run"
_ELSEWHERE = "default"
"""A namespace of every cluster, in which objects of a namespace that does not exist yet are tried."""
_INVALID = frozenset({400, 413, 422})
_NO_RIGHT = "cannot delete resource"
"""What the API server says where the identity lacks a right, and no policy keeps the object."""
_CONFLICT, _TOO_MANY, _SERVER_ERROR = 409, 429, 500
_MOST_NAME, _ANOTHER = 55, "-dry-run"
"""Characters of a name that are kept before the suffix: names of some kinds have at most 63 (RFC 1123)."""
_WRONG_TYPE = "unable to convert unstructured object"
"""The message of server-side apply for a value of another type than its field's, with status 500."""
_STORED = "storedVersions"
"""The field of a definition in messages about a version that leaves it while objects may be stored in it."""
_FORBIDS = "api-forbids"
_HINT_PERMISSION = (
    "give the identity in the kubeconfig this permission, or ask who set up the cluster's own policies"
)
_HINT_GUARD = (
    "the guard of a local control plane is opened only by a command on its machine that names it by "
    "`--cluster`, and not by a copy of its kubeconfig"
)
_MOST_NAMED = 3
_STARTING = "cluster-starting"
_NOT_ALLOWED = frozenset({401, 403})
_NAMESPACE_LEAVES = frozenset({"namespace-ending", "namespace-gone"})
"""Codes of refusals because the namespace was deleted since it was read: nothing is wrong with the object."""
_SINGLY = frozenset({"Node", "ResourceSlice"})
"""Kinds of which a cluster has many and a description few: their objects are read one by one."""


@frozen_dataclass
class _Refusal:
    """Why an API server would refuse an object.

    Attributes:
        why: its message.
        is_forbidden: whether the object is valid, and a permission or a policy of the cluster forbids it.
        hint: what to do instead, where that is known already.
    """

    why: str
    is_forbidden: bool = False
    hint: str = ""


def try_out(
    api: Api,
    objects: Iterable[Object],
    place: Locator,
    accepted: AcceptedPolicies | None = None,
    *,
    leaving: Iterable[Object],
    opens_guard: bool = True,
) -> None:
    """Refuse a description of which the API server would refuse an object, or would not delete what leaves.

    Args:
        api: the cluster.
        objects: the objects that are about to be deployed.
        place: returns the place in the description that an object comes from.
        accepted: the policies that the API server accepted before, which are not tried again, and which gets
            those that it accepts now; None to try all of them.
        leaving: the objects that are deleted, as `deleted_objects` returns them.
        opens_guard: whether the guard of a local control plane is opened for policies that are deleted.

    Raises:
        SpecError: every such object, one problem for each shape.
        EnvironmentLacksError: the same, where the identity of the kubeconfig or a policy of the cluster
            forbids one.
        ApiError: the API server does not let objects be listed.
        UnreachableError: there was no answer.
    """
    listed, going = list(objects), list(leaving)
    problems = dry_run_problems(api, listed, place, accepted)
    problems += quota_problems(api, listed, going, place)
    problems += deletion_problems(api, going, opens_guard=opens_guard)
    if any(problem.code == _FORBIDS for problem in problems):
        raise EnvironmentLacksError(problems)
    if problems:
        raise SpecError(problems)


def deleted_objects(withdrawn: Iterable[dict[str, Any]], keys: Iterable[ObjectKey]) -> list[dict[str, Any]]:
    """Return the objects that a deployment deletes, each once.

    Args:
        withdrawn: those that go before the engine changes any, as `withdrawn` returns them.
        keys: those that the engine deletes, or that are deleted to be made again.
    """
    leaving = {key_of(obj): obj for obj in withdrawn}
    for key in keys:
        metadata = {"name": key.name, "namespace": key.namespace or None, "uid": key.uid}
        leaving.setdefault(key, {"apiVersion": key.api_version, "kind": key.kind, "metadata": metadata})
    return list(leaving.values())


def require_deletable(api: Api, keys: Iterable[ObjectKey], *, opens_guard: bool) -> None:
    """Refuse a removal of which the API server would not delete an object.

    Args:
        api: the cluster.
        keys: the objects that are removed.
        opens_guard: whether the guard of a local control plane is opened for the policies among them.

    Raises:
        EnvironmentLacksError: a permission lacks, or a policy of the cluster keeps an object.
        ApiError: the server did not decide.
        UnreachableError: there was no answer.
    """
    if problems := deletion_problems(api, deleted_objects([], keys), opens_guard=opens_guard):
        raise EnvironmentLacksError(problems)


def deletion_problems(api: Api, leaving: Iterable[Object], *, opens_guard: bool = True) -> list[Problem]:
    """Return the problems of what leaves and the API server would not delete, one for a kind and a reason.

    Outside namespaces every object is tried, since policies keep some by name or label; in a namespace one of
    each kind. Of what goes with its namespace, which the cluster itself deletes, one of each kind in all.

    Args:
        api: the cluster.
        leaving: the objects that leave, as `deleted_objects` returns them.
        opens_guard: whether the guard of a local control plane is opened for the policies among them.

    Raises:
        ApiError: the server did not decide.
        UnreachableError: there was no answer.
    """
    listed = list(leaving)
    deleted = deleted_singly(listed)
    passed = [*_webhooks_that_end(api, deleted), *([_GUARD] if opens_guard else [])]
    trials: dict[tuple[str, str, str], tuple[Object, list[str]]] = {}
    for obj in deleted:
        meta = obj["metadata"]
        place = f"{meta['namespace']}/" if meta.get("namespace") else meta["name"]
        trials.setdefault((obj["apiVersion"], obj["kind"], place), (obj, passed))
    singly = set(map(key_of, deleted))
    for obj in listed:
        if key_of(obj) not in singly:
            trials.setdefault((obj["apiVersion"], obj["kind"], ""), (obj, [*passed, _NO_RIGHT]))
    refusals = api.many(partial(_refusal_of_deletion, api, *trial) for trial in trials.values())
    refused: dict[tuple[str, str, str], list[tuple[Object, _Refusal]]] = {}
    for (obj, _), refusal in zip(trials.values(), refusals, strict=True):
        if refusal:
            # Of two reasons that differ in the names of their objects alone, one says all.
            reason = refusal.why
            for name in (obj["metadata"]["name"], obj["metadata"].get("namespace")):
                reason = reason.replace(name or "", "")
            refused.setdefault((obj["apiVersion"], obj["kind"], reason), []).append((obj, refusal))
    return sorted(map(_kept_problem, refused.values()), key=lambda problem: problem.order)


def _kept_problem(refused: Sequence[tuple[Object, _Refusal]]) -> Problem:
    """Return the problem of objects of one kind that the API server would not delete, for one reason."""
    (first, refusal), *others = refused
    message = f"it leaves, and the API server would not delete it: {refusal.why}"
    if others:
        names = [resource_name(obj).partition("/")[2] for obj, _ in others]
        message += f"; nor {', '.join(names[:_MOST_NAMED])}"
        if len(names) > _MOST_NAMED:
            message += f" and {len(names) - _MOST_NAMED} more"
    hint = _HINT_GUARD if _GUARD in refusal.why else _HINT_PERMISSION
    return Problem(_FORBIDS, message, Where(field=resource_name(first)), hint)


def _webhooks_that_end(api: Api, deleted: Iterable[Object]) -> list[str]:
    """Return the webhooks of configurations that leave, as refusals name them.

    Such a webhook goes before all others, and its server may be gone: what it answers decides nothing.
    """
    names = []
    for obj in deleted:
        if obj["kind"] in WEBHOOKS:
            live = api.get(obj["apiVersion"], obj["kind"], obj["metadata"]["name"]) or {}
            names += [f'webhook "{webhook["name"]}"' for webhook in live.get("webhooks") or ()]
    return names


def _refusal_of_deletion(api: Api, obj: Object, passed: Iterable[str]) -> _Refusal | None:
    """Return why an API server would not delete an object; None if it would, or if that cannot be tried.

    Args:
        api: the cluster.
        obj: the object.
        passed: a refusal with one of these texts does not count.
    """
    meta = obj["metadata"]
    place = meta["name"], meta.get("namespace") or None
    try:
        api.delete(obj["apiVersion"], obj["kind"], *place, uid=meta.get("uid") or "", dry_run=True)
    except ApiError as error:
        message = error.problems[0].message
        # One that is being deleted already is refused a second time in some kinds.
        if error.status == _CONFLICT or any(text in message for text in passed):
            return None
        if _GUARD in message:
            return _Refusal(message.partition(": ")[2], is_forbidden=True)
        return _judged(error, is_at_home=True)
    return None


def dry_run_problems(
    api: Api, objects: Iterable[Object], place: Locator, accepted: AcceptedPolicies | None = None
) -> list[Problem]:
    """Return a problem for each shape of object that the API server would refuse.

    Args:
        api: the cluster.
        objects: the objects that are about to be deployed; those that exist in that form are not tried.
        place: returns the place in the description that an object comes from.
        accepted: the policies that the API server accepted before; None to try all of them.

    Raises:
        ApiError: the API server does not let objects be listed.
        UnreachableError: there was no answer.
    """
    listed = list(objects)
    coming = unserved(api, listed)
    # The server knows nothing yet of a kind that the deployment defines itself.
    listed = [obj for obj in listed if (obj["apiVersion"], obj["kind"]) not in coming]
    known = accepted or AcceptedPolicies(None)
    live = _live(api, listed)
    namespaces = {_ELSEWHERE}
    for namespace in api.list("v1", "Namespace"):
        # In a namespace that is being deleted no object can be created.
        if not namespace["metadata"].get("deletionTimestamp"):
            namespaces.add(str(namespace["metadata"]["name"]))
    at_home: list[Object] = []
    elsewhere: list[Object] = []
    for obj in listed:
        there = live.get(_key(obj))
        if known.includes(obj) or (states(there, obj) and not gives_up(obj, there)):
            continue
        is_at_home = obj["metadata"].get("namespace", _ELSEWHERE) in namespaces
        (at_home if is_at_home else elsewhere).append(obj)
    tried: list[tuple[Object, bool]] = []
    for group, is_at_home in ((at_home, True), (elsewhere, False)):
        tried += [(obj, is_at_home) for obj in _without_equal_shapes(group)]
    # The API server compiles a policy for as long as it tries all other objects: the large ones go first.
    tried.sort(key=lambda item: len(orjson.dumps(item[0])), reverse=True)
    calls: list[Callable[[], _Refusal | None]] = []
    for obj, is_at_home in tried:
        calls.append(partial(_refusal, api, obj, known, exists=_key(obj) in live, is_at_home=is_at_home))
    refusals = api.many(calls)
    known.save()
    problems = []
    for (obj, _), refusal in zip(tried, refusals, strict=True):
        if refusal:
            problem = _problem(obj, refusal, place)
            problems.append(problem)
    return sorted(problems, key=lambda problem: problem.order)


def _problem(obj: Object, refusal: _Refusal, place: Locator) -> Problem:
    """Return the problem of an object that the API server would refuse."""
    name = resource_name(obj)
    if refusal.is_forbidden:
        message = f"{name}: the API server would forbid it: {refusal.why}"
        return Problem(_FORBIDS, message, place(obj), _HINT_PERMISSION)
    hint = refusal.hint or "change the part of the description that the object comes from"
    if _STORED in refusal.why:
        hint = (
            "keep that version in the definition, with `served: false` if nobody is to use it; "
            "it can go when every object was written anew and it is out of `status.storedVersions`"
        )
    return Problem("api-refuses", f"{name}: the API server would refuse it: {refusal.why}", place(obj), hint)


def locator_of(factory: AIFactory) -> Locator:
    """Return a function from an object to its part's location in the description, by its component label."""
    fields = {}
    for kind, field in _PARTS.items():
        for number, part in enumerate(getattr(factory, field)):
            fields[f"{kind}.{part.name}"] = f"{field}[{number}]"

    of_controllers = {manifest.title: manifest.field for manifest in plan_manifests(factory)}

    def place(obj: Object) -> Where:
        if field := of_controllers.get(resource_name(obj)):
            return factory.where(field)
        component = obj["metadata"].get("labels", {}).get(KEYS.component, "")
        return factory.where(fields.get(component, ""))

    return place


def states(live: Any, wanted: Any) -> bool:
    """Return whether a live value has everything that is wanted: every field, and lists entry by entry."""
    if isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            return False
        return all(key in live and states(live[key], value) for key, value in wanted.items())
    if isinstance(wanted, list | tuple):
        if not isinstance(live, list) or len(live) != len(wanted):
            return False
        return all(map(states, live, wanted))
    return bool(live == wanted)


def _key(obj: Object) -> tuple[str, str]:
    return obj["apiVersion"], resource_name(obj)


def _live(api: Api, objects: Sequence[Object]) -> dict[tuple[str, str], Object]:
    """Return the live objects among some objects, by their key, as far as they carry this tool's labels."""
    kinds: set[tuple[str, str]] = set()
    reads: list[Callable[[], Object | None]] = []
    for obj in objects:
        version, kind = obj["apiVersion"], obj["kind"]
        if kind in _SINGLY:
            reads.append(partial(api.get, version, kind, obj["metadata"]["name"]))
        else:
            kinds.add((version, kind))
    live: dict[tuple[str, str], Object] = {}
    for listed in api.many([partial(_listed, api, version, kind) for version, kind in sorted(kinds)]):
        for obj in listed:
            live[_key(obj)] = obj
    for single in api.many(reads):
        if single is not None:
            live[_key(single)] = single
    return live


def _listed(api: Api, version: str, kind: str) -> list[dict[str, Any]]:
    """Return the objects of a kind that carry this tool's labels; none of a kind that is not served."""
    return list_if_served(api, version, kind, f"{KEYS.owner}", metadata_only=(version, kind) in UNREAD)


def _without_equal_shapes(objects: Iterable[Object]) -> list[Object]:
    """Return the first object of each shape: the server treats objects alike that differ in names alone."""
    by_shape: dict[bytes, Object] = {}
    for obj in objects:
        by_shape.setdefault(_shape(obj), obj)
    return list(by_shape.values())


def _shape(obj: Object) -> bytes:
    """Return an object's shape: its kind, and its body without its own names and that of its part."""
    meta = obj["metadata"]
    labels = meta.get("labels", {})
    # What a tenant has outside its namespace names it without a label of its own, such as its FlowSchema.
    part = labels.get(KEYS.component, "").partition(".")[2]
    own_names = (meta["name"], meta.get("namespace"), labels.get(KEYS.tenant), part)
    names = set()
    for name in own_names:
        if name:
            names.add(str(name))
    # The longest first: of two names of which one begins with the other, the whole one must match.
    alternatives = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    own = re.compile(f"(?<![a-z0-9-])(?:{alternatives})(?![a-z0-9-])")
    return orjson.dumps(_without(own, {**obj, "metadata": None}), option=orjson.OPT_SORT_KEYS)


def _without(names: re.Pattern[str], value: Any) -> Any:
    """Return a value with some names replaced in its texts."""
    if isinstance(value, str):
        return names.sub("*", value)
    if isinstance(value, Mapping):
        return {key: _without(names, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without(names, item) for item in value]
    return value


def _refusal(
    api: Api, obj: Object, accepted: AcceptedPolicies, *, exists: bool, is_at_home: bool
) -> _Refusal | None:
    """Return why the API server would refuse an object; None if it would not, or if that cannot be tried."""
    size = len(orjson.dumps(obj))
    if size > MOST_BYTES:
        return _Refusal(f"it has {size:,} bytes, and etcd accepts requests of at most {MOST_BYTES:,}")
    whole = stated(obj)
    if not is_at_home:
        whole = {**whole, "metadata": {**whole["metadata"], "namespace": _ELSEWHERE}}
    try:
        if exists:
            api.apply(whole, field_manager=FIELD_MANAGER, force=True, dry_run=True)
        else:
            api.create(whole, dry_run=True)
    except UsageError as error:
        # Only the server knows whether a kind that others define lies in namespaces.
        return _Refusal("; ".join(f"{problem.message}: {problem.hint}" for problem in error.problems))
    except ApiError as error:
        refusal = _judged(error, is_at_home=is_at_home)
        if refusal is None or not exists:
            return refusal
        return _refusal_of_replacement(api, whole, refusal)
    accepted.add(obj)
    return None


def _refusal_of_replacement(api: Api, obj: Object, refusal: _Refusal) -> _Refusal | None:
    """Return the refusal of a live object if a new one would be refused too.

    None if only immutable fields differ.
    """
    meta = {**obj["metadata"], "name": another_name(obj["metadata"]["name"])}
    try:
        api.create({**obj, "metadata": meta}, dry_run=True)
    except ApiError as error:
        return refusal if _judged(error, is_at_home=True) else None
    return None


def another_name(name: str) -> str:
    """Return a name that is valid where the given one is, under which a new object is tried."""
    return f"{name[:_MOST_NAME].rstrip('-.')}{_ANOTHER}"


def _judged(error: ApiError, *, is_at_home: bool) -> _Refusal | None:
    """Return a refusal with the API server's message; None for an error that is not about the object itself.

    Raises:
        ApiError: the server did not decide: it is overloaded, has just started, or failed.
    """
    if error.problems[0].code == _STARTING:
        raise error
    if error.problems[0].code in _NAMESPACE_LEAVES:
        return None
    message = error.problems[0].message.partition(": ")[2] or error.problems[0].message
    is_wrong_type = _WRONG_TYPE in message
    if error.status == _TOO_MANY or (error.status >= _SERVER_ERROR and not is_wrong_type):
        raise error
    if any(policy in message for policy in _OUR_POLICIES):
        return None
    # Some webhooks do not support dry runs, and an object under the other name may exist by chance.
    if _CANNOT_BE_TRIED in message or error.reason == "AlreadyExists":
        return None
    if error.reason == "KindUnknown":
        # No other object would do: the cluster lacks the kind.
        return _Refusal(message, hint=error.problems[0].hint)
    if is_at_home or is_wrong_type or error.status in _INVALID:
        return _Refusal(message, error.status in _NOT_ALLOWED)
    return None

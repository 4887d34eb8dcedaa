"""Check a cluster before a command starts or writes anything.

A trusted API server must answer and accept the identity, and must permit it what the command will do. Silence
is an error here, so that no later step can read it as absence.

    require_reachable(api)
    require_reachable(api, bundle.objects, WRITES)
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from sovereign_ai.cluster.api.answers import not_an_api_server
from sovereign_ai.cluster.api.client import Api, ApiError, UnreachableError
from sovereign_ai.cluster.api.deadlines import pause
from sovereign_ai.cluster.api.discovery import Resource
from sovereign_ai.cluster.api.transport import Effect
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass

READS = ("get", "list")
WRITES = ("get", "create", "patch", "delete")
"""The verbs that the engine needs for an object: it reads, applies on the server's side, and deletes."""
_WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_MAY = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _SERVER_ERROR = 401, 403, 404, 500
_ROLES_SECONDS = 10.0
"""How long a server that has just started may forbid everything: it reads its roles, which takes seconds."""
_ALL = {"verb": "*", "group": "*", "resource": "*"}


@frozen_dataclass
class Identity:
    """The identity under which an API server knows the caller.

    Attributes:
        username: as its audit log and its roles name it; empty where the server does not report it.
        groups: the groups that the server sees.
    """

    username: str
    groups: tuple[str, ...]


def require_reachable(
    api: Api, objects: Iterable[Mapping[str, Any]] = (), verbs: Iterable[str] = ()
) -> Identity:
    """Check that a cluster answers, accepts the identity and permits what a command will do; write nothing.

    Args:
        api: the cluster.
        objects: the objects to read or write; kinds that the server does not serve are left to the steps that
            need them.
        verbs: what the command does with each of them, such as `READS` or `WRITES`.

    Returns:
        The identity that the server reports.

    Raises:
        UnreachableError: there was no answer, the server is not trusted, or it cannot do its work.
        EnvironmentLacksError: the identity is not accepted, or lacks permissions; all that it lacks, at once.
    """
    identity = _who(api)
    wanted = set()
    for obj in objects:
        namespace = str(obj.get("metadata", {}).get("namespace") or "")
        wanted.add((str(obj["apiVersion"]), str(obj["kind"]), namespace))
    needed = tuple(verbs)
    if wanted and needed:
        _require_rights(api, identity, sorted(wanted), needed)
    return identity


def _who(api: Api) -> Identity:
    """Return the identity that the server reports."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = api.request("POST", _WHO, body, effect=Effect.NONE)
    except ApiError as error:
        if error.status == _UNAUTHORIZED:
            message = f"{api.server} does not accept the identity of {api.identity_words}"
            hint = "get fresh credentials and run the command again"
            raise EnvironmentLacksError(Problem("cluster-unauthorized", message, hint=hint)) from error
        if error.status == 429 or error.status >= _SERVER_ERROR:
            raise _unwell(api, error) from error
        if error.status not in {_FORBIDDEN, _NOT_FOUND}:
            raise
        return _without_review(api)
    user = (answer.get("status") or {}).get("userInfo") or {}
    if not user.get("username"):
        raise not_an_api_server(api.server, _WHO, "no identity")
    return Identity(str(user["username"]), tuple(str(group) for group in user.get("groups") or ()))


def _without_review(api: Api) -> Identity:
    """Check an older server, or one that hides the review of identities, by its version."""
    try:
        api.version()  # which every identity may read
    except ApiError as error:
        if error.status == _FORBIDDEN:
            message = f"{api.server} permits nothing to the identity of {api.identity_words}"
            hint = "have its role granted, or use another identity"
            raise EnvironmentLacksError(Problem("cluster-forbidden", message, hint=hint)) from error
        raise _unwell(api, error) from error
    return Identity("", ())


def _unwell(api: Api, error: ApiError) -> UnreachableError:
    """Return the error that a server answers and cannot do its work."""
    problem = error.problems[0]
    message = f"{api.server} answers and does not work: {problem.message}"
    return UnreachableError(Problem("cluster-unwell", message, problem.where, f"{problem.hint}"))


def _require_rights(
    api: Api, identity: Identity, wanted: list[tuple[str, str, str]], verbs: tuple[str, ...]
) -> None:
    """Check every verb for every wanted kind and namespace.

    Raises:
        EnvironmentLacksError: the identity lacks permissions; one problem a kind and namespace.
    """
    # An administrator may do everything: one request instead of hundreds.
    if _may(api, _ALL):
        return
    served = {(resource.api_version, resource.kind): resource for resource in api.kinds()}
    needed: list[tuple[Resource, str, str]] = []
    for version, kind, namespace in wanted:
        if (version, kind) in served:
            needed += [(served[version, kind], namespace, verb) for verb in verbs]
    answers = api.many([partial(_may_do, api, *right) for right in needed])
    lacking: dict[tuple[str, str], list[str]] = {}
    for (resource, namespace, verb), is_allowed in zip(needed, answers, strict=True):
        if not is_allowed:
            lacking.setdefault((_resource_name(resource), namespace), []).append(verb)
    if not lacking:
        return
    who = f"{identity.username or 'the identity'} ({api.identity_words})"
    problems = [_lack(api, who, *key, lacks) for key, lacks in sorted(lacking.items())]
    raise EnvironmentLacksError(problems)


def _lack(api: Api, who: str, kind: str, namespace: str, verbs: list[str]) -> Problem:
    """Return the problem that verbs are not permitted."""
    place = f" in namespace {namespace}" if namespace else ""
    message = f"{who} may not {', '.join(verbs)} {kind}{place} at {api.server}"
    return Problem("cluster-forbidden", message, hint="have these verbs granted, or use another identity")


def _resource_name(resource: Resource) -> str:
    """Return a resource's name as roles write it: `plural` or `plural.group`."""
    group = resource.api_version.rpartition("/")[0]
    return f"{resource.plural}.{group}" if group else resource.plural


def _may_do(api: Api, resource: Resource, namespace: str, verb: str) -> bool:
    """Return whether one verb on one kind is permitted, in all namespaces or in the wanted one."""
    group = resource.api_version.rpartition("/")[0]
    attributes = {"verb": verb, "group": group, "resource": resource.plural}
    if _may(api, attributes):
        return True
    return bool(namespace) and _may(api, {**attributes, "namespace": namespace})


def _may(api: Api, attributes: Mapping[str, str]) -> bool:
    """Return whether an action is permitted, or the server does not answer that question."""
    deadline = time.monotonic() + _ROLES_SECONDS
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": dict(attributes)},
    }
    while True:
        try:
            status = api.request("POST", _MAY, body, effect=Effect.NONE).get("status") or {}
        except ApiError as error:
            if error.status in {_FORBIDDEN, _NOT_FOUND}:
                return True  # the server will refuse the action itself where it is not permitted
            raise _unwell(api, error) from error
        is_starting = "not found" in str(status.get("evaluationError") or "")
        if status.get("allowed") or not is_starting or time.monotonic() > deadline:
            return bool(status.get("allowed"))
        pause(0.2)

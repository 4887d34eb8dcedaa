"""The errors of calls to an API server: a refusal, and no answer.

The two are different types on purpose: a refusal is a fact about the cluster, silence is a fact about the
connection to it. Nothing may read silence as "the object does not exist".

    >>> status = {"message": 'nodes "n1" not found', "reason": "NotFound", "details": {"name": "n1"}}
    >>> error = refusal("GET", "/api/v1/nodes/n1", 404, status)
    >>> error.status, error.reason
    (404, 'NotFound')
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, ExitCode, Problem, Where

_LONGEST_MESSAGE = 2000
_NOT_FOUND = 404
_HINTS: dict[int | str, str] = {
    "AlreadyExists": "apply it instead of creating it, or choose another name",
    "NotFound": "create what is missing first, or correct the name",
    401: "the credentials are not accepted by this server, or no longer; get fresh ones, "
    "and run the command again",
    403: "the identity in the kubeconfig lacks this permission, or an admission rule refused the object; "
    "the message names which",
    404: "the server does not know this path; install what serves it (a CRD), "
    "or use a version that it serves",
    409: "another writer owns a field or changed the object; read it once more, or apply with force "
    "if the field is the stack's",
    410: "what was asked for is too old; ask again from the start",
    422: "correct the fields that the message names",
    429: "the server is overloaded; wait and run the command again",
    503: "the server, or what it stands on, does not work yet or no longer; wait and run the command again",
}
_LACKS_PERMISSION = "is forbidden: User "
_BUDGET = "DisruptionBudget"
"""Reason of the causes of a refused eviction (`DisruptionBudgetCause` in policy/v1 of Kubernetes)."""
_SERVER_FAILS = "the fault is the server's: see its log and that of etcd, and run the command again"
_HINTS_BY_MESSAGE = {
    "database space exceeded": "etcd is full: compact and defragment it or raise its quota, "
    "disarm its alarm (`etcdctl alarm disarm`), and run the command again",
    "failed calling webhook": "a webhook of the cluster does not answer: see that its service runs, "
    "and run the command again",
}
"""Part of a server's message to the hint, where the status alone is too general."""
_STARTING = (
    # One of its admission plugins has not read what it judges by.
    "not yet ready to handle request",
    # Nobody has counted yet what a new namespace uses of its quota.
    "status unknown for quota",
)
"""Parts of the messages (403) of a server that has just started, or of a new namespace; nothing was begun."""
_COUNTING = 'Operation cannot be fulfilled on resourcequotas "'
"""Part of the message (409) about an object whose quota counted others just then; nothing was begun."""
_QUOTAS = "/resourcequotas/"
_ENDING = "because it is being terminated"
"""Part of the message (403) about an object in a namespace that somebody deleted."""
_NO_NAMESPACE = re.compile(r'^namespaces "[^"]+" not found$')
"""The message (404) about an object whose namespace is gone, or was never there."""
_INSIDE = re.compile(r"/namespaces/[^/]+/.")
"""Part of the path of an object in a namespace, and not of the namespace itself."""


class ApiError(DeploymentError):
    """The API server answered, and refused.

    Attributes:
        status: the HTTP status code.
        reason: Kubernetes' machine-readable reason, such as `Conflict`, or an empty text.
        causes: one line a cause, `field: message`, as the server listed them.
        names_object: whether the server named the object, and not only a path.
        uncertain: whether an earlier attempt got no complete answer, so that the server may have carried it
            out.
    """

    def __init__(
        self,
        problems: Problem | Iterable[Problem],
        *,
        status: int,
        reason: str = "",
        causes: Sequence[str] = (),
        names_object: bool = False,
        uncertain: bool = False,
    ) -> None:
        super().__init__(problems)
        self.uncertain = uncertain
        self.names_object = names_object
        self.status = status
        self.reason = reason
        self.causes = tuple(causes)


class UnreachableError(EnvironmentLacksError):
    """The API server gave no answer, so that the content of the cluster is unknown.

    Attributes:
        sent: whether the server may have carried out the request all the same.
    """

    def __init__(self, problems: Problem | Iterable[Problem], *, sent: bool = False) -> None:
        super().__init__(problems)
        self.sent = sent


def refusal(
    method: str,
    path: str,
    status: int,
    body: Mapping[str, Any],
    *,
    who: str = "",
    uncertain: bool = False,
    retry_after_seconds: float | None = None,
) -> ApiError:
    """Return the error for an answer with an error status, with the server's message and its causes.

    Args:
        method: the HTTP method that was refused.
        path: the path of the request, without the query.
        status: the HTTP status code.
        body: the Status object, or an empty mapping where the body was none.
        who: the identity that was presented, where the refusal is about that.
        uncertain: whether an earlier attempt may have been carried out.
        retry_after_seconds: the seconds of `Retry-After`, where the server sent it.
    """
    reason = str(body.get("reason") or "")
    causes = causes_of(body)
    message = str(body.get("message") or f"HTTP status {status} without a message")
    # The message usually repeats its causes.
    others = [cause for cause in causes if cause.split(": ", 1)[-1] not in message]
    text = "; ".join([f"{method} {path}: {message}", *others])[:_LONGEST_MESSAGE]
    code = f"api-{_hyphenated(reason)}" if reason else f"api-{status}"
    hint = _hint(status, reason, message)
    begins = is_starting(status, message)
    if begins:
        code, hint = "cluster-starting", "it has just started: wait a moment and run the command again"
    elif is_ending(status, message):
        code, hint = "namespace-ending", "somebody deleted it: run the command again once it is gone"
    elif status == _NOT_FOUND and _NO_NAMESPACE.match(message) and _INSIDE.search(path):
        code, hint = "namespace-gone", "make it first; if somebody deleted it just now, run the command again"
    is_access = begins or is_about_access(status, message)
    if who and is_access and not begins:
        text = f"{text}; the identity is {who}"
    if retry_after_seconds is not None:
        text = f"{text}; the server asks to come back in {retry_after_seconds:g} s"
    details = body.get("details")
    names_object = isinstance(details, Mapping) and bool(details.get("name"))
    problem = Problem(code, text, Where(field=path), hint)
    error = ApiError(
        problem, status=status, reason=reason, causes=causes, names_object=names_object, uncertain=uncertain
    )
    # An ApiError is a failed deployment by default; here the environment has to change.
    if is_access:
        error.exit_code = ExitCode.ENVIRONMENT
    return error


def is_starting(status: int, message: str) -> bool:
    """Return whether a server forbids something only because it has just started.

    >>> is_starting(403, 'pods "a" is forbidden: not yet ready to handle request')
    True
    """
    return status == 403 and any(words in message for words in _STARTING)


def is_counting(status: int, path: str, message: str) -> bool:
    """Return whether a server takes no object only because others changed the count of its quota meanwhile.

    A write of the quota itself that is refused so is outdated.

    >>> is_counting(409, "/api/v1/pods", 'Operation cannot be fulfilled on resourcequotas "a": it changed')
    True
    """
    return status == 409 and _COUNTING in message and _QUOTAS not in path


def is_ending(status: int, message: str) -> bool:
    """Return whether a server takes no object because its namespace is being deleted.

    >>> is_ending(403, "unable to create new content in namespace a because it is being terminated")
    True
    """
    return status == 403 and _ENDING in message


def is_about_access(status: int, message: str) -> bool:
    """Return whether a refusal concerns identity, permissions or the server's health, and not the object."""
    if status in {401, 429} or status >= 500:
        return True
    # A refusal by an admission rule has the status of a missing permission, but concerns the object.
    return status == 403 and _LACKS_PERMISSION in message


def _hint(status: int, reason: str, message: str) -> str:
    """Return what to do about a refusal."""
    for part, hint in _HINTS_BY_MESSAGE.items():
        if part in message:
            return hint
    usual = _SERVER_FAILS if status >= 500 else "read the message; the API server's log has more"
    return _HINTS.get(reason) or _HINTS.get(status, usual)


def unreachable(
    server: str, why: str, *, untrusted: bool = False, hint: str = "", sent: bool = False
) -> UnreachableError:
    """Return the error that a server could not be reached, or could not be trusted.

    Args:
        server: its URL.
        why: the cause.
        untrusted: whether it answered, and cannot be trusted.
        hint: what to do, where the cause allows more than the usual hint.
        sent: whether the request may have been carried out.
    """
    if untrusted:
        usual = "use the kubeconfig that belongs to this server"
        message = f"{server} cannot be trusted: {why}"
        return UnreachableError(Problem("cluster-untrusted", message[:_LONGEST_MESSAGE], hint=hint or usual))
    usual = "start the cluster, or repair the way to it; nothing is known about what it holds"
    message = f"{server} gave no answer: {why}"
    return UnreachableError(
        Problem("cluster-unreachable", message[:_LONGEST_MESSAGE], hint=hint or usual), sent=sent
    )


def unauthorized(server: str, why: str, who: str) -> UnreachableError:
    """Return the error that a server does not accept the presented identity.

    Args:
        server: its URL.
        why: its message.
        who: the identity.
    """
    message = f"{server} does not accept the identity: {why}; it is {who or 'unknown'}"
    return UnreachableError(Problem("cluster-unauthorized", message[:_LONGEST_MESSAGE], hint=_HINTS[401]))


def join_errors(errors: Sequence[ApiError]) -> ApiError:
    """Join refusals into one error; a single one stays as it is.

    Status, reason and causes are those of the first. The server may have carried out the requests if it may
    have carried out any of them, and it named the objects if it named each of them.
    """
    first = errors[0]
    if len(errors) == 1:
        return first
    problems: list[Problem] = []
    for error in errors:
        problems += error.problems
    joined = ApiError(
        problems,
        status=first.status,
        reason=first.reason,
        causes=first.causes,
        names_object=all(error.names_object for error in errors),
        uncertain=any(error.uncertain for error in errors),
    )
    joined.exit_code = max(error.exit_code for error in errors)
    return joined


def causes_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the causes in a Status object, one line each."""
    details = body.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    if not isinstance(causes, list):
        return ()
    lines = []
    for cause in causes:
        if not isinstance(cause, Mapping):
            continue
        subject = cause.get("field") or cause.get("reason") or "cause"
        lines.append(f"{subject}: {cause.get('message', '')}")
    return tuple(lines)


def budget_causes(causes: Iterable[str]) -> tuple[str, ...]:
    """Return what a server states about the disruption budgets that hold a pod; empty where none does.

    >>> budget_causes(["DisruptionBudget: the budget web needs 2 healthy pods and has 2"])
    ('the budget web needs 2 healthy pods and has 2',)
    """
    start = f"{_BUDGET}: "
    return tuple(cause.removeprefix(start) for cause in causes if cause.startswith(start))


def _hyphenated(reason: str) -> str:
    """Return a reason with hyphens: `not-found` for `NotFound`."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in reason).lstrip("-")

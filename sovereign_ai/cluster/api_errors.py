"""What an API server answers when it refuses, and what it means when it does not answer at all.

The two are different types on purpose: a refusal is a fact about the cluster, silence is a fact
about the way to it. Nothing may read silence as "the object is not there".

    >>> error = refusal("GET", "/api/v1/nodes/n1", 404, {"message": 'nodes "n1" not found', "reason": "NotFound", "details": {"name": "n1"}})
    >>> error.status, error.reason
    (404, 'NotFound')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem, Where

_LONGEST_MESSAGE = 2000
_HINTS: dict[int | str, str] = {
    "AlreadyExists": "apply it instead of creating it, or choose another name",
    "NotFound": "create what is missing first, or correct the name",
    401: "the credentials in the kubeconfig are not accepted by this server; get a fresh kubeconfig",
    403: "the identity in the kubeconfig lacks this permission, or an admission rule refused the object; the message names which",
    404: "the server does not know this path; install what serves it (a CRD), or use a version that it serves",
    409: "another writer owns a field or changed the object; read it again, or apply with force if the field is ours",
    410: "what was asked for is too old; ask again from the start",
    422: "mend the fields that the message names",
    429: "the server is overloaded; wait and run the command again",
}


class ApiError(DeploymentError):
    """The API server answered, and refused.

    Attributes:
        status: the HTTP status code.
        reason: Kubernetes' machine-readable reason, such as `Conflict`, or an empty text.
        causes: one line a cause, `field: message`, as the server listed them.
        names_object: whether the server named the object that it speaks of, and not only a path.
    """

    def __init__(
        self,
        problems: Problem | Iterable[Problem],
        *,
        status: int,
        reason: str = "",
        causes: Sequence[str] = (),
        names_object: bool = False,
    ) -> None:
        super().__init__(problems)
        self.names_object = names_object
        self.status = status
        self.reason = reason
        self.causes = tuple(causes)


class UnreachableError(EnvironmentLacksError):
    """The API server gave no answer: nobody knows what is there and what is not."""


def refusal(method: str, path: str, status: int, body: Mapping[str, Any]) -> ApiError:
    """Turn an answer with an error status into an error with the server's message and its causes.

    Args:
        method: the HTTP method that was refused.
        path: the path that was asked for, without the query.
        status: the HTTP status code.
        body: the Status object, or an empty mapping where the body was none.
    """
    reason = str(body.get("reason") or "")
    causes = _causes(body)
    message = str(body.get("message") or f"HTTP status {status} without a message")
    unsaid = [cause for cause in causes if cause.split(": ", 1)[-1] not in message]
    text = "; ".join([f"{method} {path}: {message}", *unsaid])[:_LONGEST_MESSAGE]
    code = f"api-{_hyphenated(reason)}" if reason else f"api-{status}"
    hint = _HINTS.get(reason) or _HINTS.get(status, "read the message; the API server's log says more")
    details = body.get("details")
    named = isinstance(details, Mapping) and bool(details.get("name"))
    return ApiError(Problem(code, text, Where(field=path), hint), status=status, reason=reason, causes=causes, names_object=named)


def silence(server: str, why: str, *, untrusted: bool = False) -> UnreachableError:
    """Say that a server could not be reached, or that it could not be trusted."""
    if untrusted:
        hint = "the server's certificate is not signed by the authority in the kubeconfig; use the kubeconfig that belongs to this server"
        return UnreachableError(Problem("cluster-untrusted", f"{server} cannot be trusted: {why}"[:_LONGEST_MESSAGE], hint=hint))
    hint = "start the cluster, or mend the way to it; nothing is known about what it holds"
    return UnreachableError(Problem("cluster-unreachable", f"{server} gave no answer: {why}"[:_LONGEST_MESSAGE], hint=hint))


def together(errors: Sequence[ApiError]) -> ApiError:
    """Join refusals into one error; status, reason and causes are those of the first."""
    first = errors[0]
    problems = [problem for error in errors for problem in error.problems]
    return ApiError(problems, status=first.status, reason=first.reason, causes=first.causes)


def _causes(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the causes out of a Status object."""
    details = body.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    if not isinstance(causes, list):
        return ()
    return tuple(f"{cause.get('field') or cause.get('reason') or 'cause'}: {cause.get('message', '')}" for cause in causes)


def _hyphenated(reason: str) -> str:
    """`NotFound` becomes `not-found`."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in reason).lstrip("-")

"""Recognise why an engine's run failed, where the cause is its environment and not the deployed objects.

The Kubernetes provider and the engine report such causes once for each object, call most of them an
unreachable cluster, and advise to delete objects from the state. Here each cause is reported once, by its
real name and with the objects that it affected. That advice is left out: nothing was deleted, and nothing has
to be.

The texts are those of pulumi 3.259 (pkg/resource/plugin/plugin.go), pulumi-kubernetes 4.25
(provider/pkg/provider/provider.go), client-go 0.35 (rest/request.go, pkg/api/errors/errors.go), Go's runtime,
crypto/tls and net, and etcd 3.7.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sovereign_ai.cluster.api import describe_credentials
from sovereign_ai.errors import Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass

_OF_A_CLUSTER = ("cluster-", "webhook-", "policy-")
_MOST_NAMED = 4
_LONGEST = 300
_AGAIN = "run the command again once that is right: what was done is kept, and nothing was dropped"
_REASON = re.compile(r"configured Kubernetes cluster is unreachable: (?P<reason>.+)", re.DOTALL)


@frozen_dataclass
class Cause:
    """One kind of cause.

    Attributes:
        code: the problem's code.
        words: the problem's message; `{who}` is the identity.
        hint: what to do.
        pattern: matches the engine's texts about it.
    """

    code: str
    words: str
    hint: str
    pattern: re.Pattern[str]


def _cause(code: str, words: str, hint: str, *patterns: str) -> Cause:
    return Cause(code, words, hint, re.compile("|".join(patterns), re.IGNORECASE))


_DISK_FULL = _cause(
    "disk-full",
    "there is no room on the disk that holds the state or the temporary folder",
    "free some space, or set XDG_STATE_HOME or TMPDIR to another disk",
    "no space left on device",
    "disk quota exceeded",
)
_FILE_LIMIT = _cause(
    "file-limit",
    "a file became larger than the limit on this user's files",
    "raise the limit (`ulimit -f`)",
    "file too large",
    "SIGXFSZ",
)
_READ_ONLY = _cause(
    "read-only",
    "the file system of the state or of the temporary folder cannot be written",
    "mount it writable, or set XDG_STATE_HOME to another disk",
    "read-only file system",
)
_MOST_OPEN_FILES = _cause(
    "file-limit",
    "the engine may not open more files",
    "raise the limit (`ulimit -n`)",
    "too many open files",
)
_MEMORY_LIMIT = _cause(
    "memory-limit",
    "the engine got no more memory",
    "free some memory, or raise the limit (`ulimit -v`)",
    "cannot allocate memory",
    "out of memory",
    "failed to reserve page summary",
    "failed to create new OS thread",
    "pthread_create failed",
    r"\bMemoryError\b",
    "can't start new thread",
    "resource temporarily unavailable",
)
_PROVIDER_ENDED = _cause(
    "provider-ended",
    "a plugin of the engine ended while it was at work: it was killed, or got no more memory",
    "see the system's log for what ended it",
    "rpc error: code = Unavailable",
    "transport is closing",
    "exited prematurely",
    "could not read plugin",
)
_WEBHOOK_SILENT = _cause(
    "webhook-silent",
    "a webhook of the cluster does not answer",
    "see that the service behind it runs, or remove its configuration",
    "failed calling webhook",
)
_CLUSTER_FULL = _cause(
    "cluster-full",
    "the cluster's etcd is full",
    "compact and defragment it or raise its quota, and disarm its alarm (`etcdctl alarm disarm`)",
    "database space exceeded",
)
_CLUSTER_UNAUTHORIZED = _cause(
    "cluster-unauthorized",
    "the API server does not accept the identity, or no longer: {who}",
    "get fresh credentials",
    "the server has asked for the client to provide credentials",
    r"\bUnauthorized\b",
    "exec plugin|getting credentials",
)
_CLUSTER_STARTING = _cause(
    "cluster-starting",
    "the API server has just started and is not ready for every request",
    "wait a moment",
    "not yet ready to handle request",
)
_API_CONFLICT = _cause(
    "api-conflict",
    "somebody changed an object while it was written",
    "see who writes it (`kubectl get --show-managed-fields`)",
    "the object has been modified; please apply your changes to the latest version",
)
_NAMESPACE_ENDING = _cause(
    "namespace-ending",
    "somebody deleted the namespace of an object",
    "wait until it is gone",
    "because it is being terminated",
)
_CLUSTER_FORBIDDEN = _cause(
    "cluster-forbidden",
    "the identity lacks permissions: {who}",
    "have them granted, or use another identity",
    r'is forbidden: User "',
)
_CLUSTER_UNTRUSTED = _cause(
    "cluster-untrusted",
    "the API server's certificate is not trusted",
    "use the kubeconfig that belongs to this server; "
    "if the certificate has expired, renew it, or set this machine's clock",
    "x509: ",
    "tls: failed to verify",
)
_CLUSTER_BUSY = _cause(
    "cluster-busy",
    "the API server is overloaded",
    "wait a moment",
    "the server has received too many requests",
    "too many requests",
)
_CLUSTER_SLOW = _cause(
    "cluster-slow",
    "the API server did not finish a request in the time that it may take",
    "wait until it has less to do",
    # The API server ends a write after 34 s (apiserver, handlers/rest.go, requestTimeoutUpperBound).
    "request did not complete within",
    "the server was unable to return a response in the time allotted",
    "etcdserver: (?:request timed out|too many requests)",
    "it answers other requests, and did not answer this one in time",
)
_POLICY_NOT_ENFORCED = _cause(
    "policy-not-enforced",
    "the API server does not enforce a policy yet that was written",
    "wait until it has less to do",
    r"does not enforce admission policy \S+ \d+ s after it was applied",
)
_CLUSTER_UNWELL = _cause(
    "cluster-unwell",
    "the API server answers and cannot do its work",
    "see its log and that of etcd",
    r"an error on the server \(",
    "Internal error occurred",
    "the server is currently unable to handle the request",
    "apiserver not ready|apiserver is shutting down",
    r"etcdserver: ",
    "ServiceUnavailable|InternalError",
    "RBAC: .{0,200}not found",
)
_CLUSTER_UNREACHABLE = _cause(
    "cluster-unreachable",
    "the API server gave no answer",
    "start the cluster, or repair the way to it (`sovereign-ai cluster status` for a local one)",
    "connection refused",
    "connection reset by peer",
    "no route to host|network is unreachable|host is down",
    "no such host|server misbehaving|name resolution",
    "i/o timeout|handshake timeout|deadline exceeded|Client\\.Timeout",
    r"\bEOF\b|broken pipe|server closed idle connection|connection was forcibly closed",
    "http2: |GOAWAY|malformed HTTP",
    "remote error: tls|tls: ",
    "invalid character .{0,80} looking for beginning of value",
    "unexpected end of JSON input|cannot unmarshal",
    "unreachable cluster|cluster is unreachable|API server .{0,120}is unreachable",
    "unable to load schema information|Failed to fetch OpenAPI schema",
)
_CAUSES = (
    _DISK_FULL,
    _FILE_LIMIT,
    _READ_ONLY,
    _MOST_OPEN_FILES,
    _MEMORY_LIMIT,
    _PROVIDER_ENDED,
    _WEBHOOK_SILENT,
    _CLUSTER_FULL,
    _CLUSTER_UNAUTHORIZED,
    _CLUSTER_STARTING,
    _API_CONFLICT,
    _NAMESPACE_ENDING,
    _CLUSTER_FORBIDDEN,
    _CLUSTER_UNTRUSTED,
    _CLUSTER_BUSY,
    _CLUSTER_SLOW,
    _POLICY_NOT_ENFORCED,
    _CLUSTER_UNWELL,
    _CLUSTER_UNREACHABLE,
)
_VAGUE = re.compile(
    r"due to unreachable cluster\. If|cluster is unreachable\. If the cluster was deleted", re.IGNORECASE
)
"""The provider's error for an object after a warning has reported why it calls the cluster unreachable."""
_ADVICE = (
    re.compile(
        r"\s*If the cluster was\s+deleted, you can remove this resource from Pulumi state by rerunning.*",
        re.DOTALL,
    ),
    re.compile(r"\s*Make sure you have:.*?installation-configuration/\s*", re.DOTALL),
    re.compile(r"[^\n.]*`?pulumi (?:refresh|cancel|stack|state)\b[^\n]*"),
    re.compile(r"[^\n.]*PULUMI_K8S_[A-Z_]+[^\n]*"),
    # A plugin that was killed, or got no more memory, has no bug.
    re.compile(r"\s*This is \*always\* a bug in the provider\..*?streams of the plugin:", re.DOTALL),
    re.compile(r"It's possible that the URL or authentication information in your kubeconfig is incorrect:?"),
)
"""Advice of the engine and the provider that is wrong here: following it loses objects."""
_SUMMARY = re.compile(
    r"^(?:\S+ )?(?:error: )?(?:update failed|preview failed|destroy failed|refresh failed|"
    r"resource operation failed|failed to read resource state due to unreachable cluster\.?|"
    r"configured Kubernetes cluster is unreachable\.?)\s*$"
)
"""Texts that only repeat that something failed."""
_CRASH = re.compile(r"^(?:panic:|fatal error:|runtime:|goroutine \d+|SIG[A-Z]+:)", re.MULTILINE)


def without_advice(text: str) -> str:
    """Return a text of the engine without its advice, and of a Python traceback only the exception."""
    for advice in _ADVICE:
        text = advice.sub("", text)
    head, mark, trace = text.partition("Traceback (most recent call last)")
    if mark:
        # The last line of a Python traceback is the exception itself.
        lines = [line.strip() for line in trace.splitlines() if line.strip()]
        text = " ".join([head.strip(), *lines[-1:]])
    return text.strip()


def is_crash(text: str) -> bool:
    """Return whether a text contains the start of what Go's runtime prints when a program crashes."""
    return _CRASH.search(text) is not None


def reasons_in(text: str) -> str:
    """Return why the provider calls the cluster unreachable, from one of its warnings.

    Empty for any other text.
    """
    match = _REASON.search(text)
    return match["reason"].strip() if match else ""


def cause_of(text: str) -> Cause | None:
    """Return the cause that a text reports; None where it is about the deployed objects."""
    # The order of `_CAUSES` counts: the general patterns of an unreachable cluster come last.
    for cause in _CAUSES:
        if cause.pattern.search(text):
            return cause
    return None


def problems_of(
    verb: str, texts: Sequence[str], kubeconfig: Path | None, hint: str
) -> tuple[list[Problem], list[str]]:
    """Group the engine's texts by their causes.

    Args:
        verb: the engine's command.
        texts: each begins with the name of the object that it is about, where there is one.
        kubeconfig: the cluster's file; None for a run without a cluster, such as one that configures hosts.
        hint: where the whole log is.

    Returns:
        One problem for each cause, and the texts that are about something else.
    """
    met: dict[str, tuple[Cause, list[str], str]] = {}
    others: list[str] = []
    # Texts with a reason come first, so that those that repeat it without a reason can be counted to it.
    texts = sorted(texts, key=lambda text: _VAGUE.search(text) is not None)
    has_crashed = any(is_crash(text) for text in texts)
    for text in texts:
        cause = cause_of(text)
        if cause is None or (kubeconfig is None and cause.code.startswith(_OF_A_CLUSTER)):
            others.append(text)
            continue
        of_cluster = [code for code in met if code.startswith(_OF_A_CLUSTER)]
        code = of_cluster[0] if of_cluster and _VAGUE.search(text) else cause.code
        _, names, _ = met.setdefault(code, (cause, [], text))
        if (name := _object(text)) and name not in names:
            names.append(name)
    problems = [_problem(verb, cause, names, text, kubeconfig, hint) for cause, names, text in met.values()]
    if not problems:
        return [], others
    # A crash prints the stack of every thread, which is about nothing else.
    if has_crashed:
        return problems, []
    remaining = []
    for text in others:
        stripped = without_advice(text)
        # The engine ends the output of each failed object with a line that only repeats the failure.
        if stripped and not _SUMMARY.match(stripped):
            remaining.append(stripped)
    return problems, remaining


def _problem(
    verb: str, cause: Cause, names: list[str], text: str, kubeconfig: Path | None, hint: str
) -> Problem:
    """Return the problem of one cause."""
    words = cause.words
    if kubeconfig is not None and "{who}" in words:
        words = words.replace("{who}", describe_credentials(kubeconfig))
    message = f"`pulumi {verb}` failed: {words}"
    if detail := _detail(text, names):
        message += f": {detail}"
    if names:
        message += f"; met by {_shown(names)}"
    return Problem(cause.code, message, hint=f"{cause.hint}; {_AGAIN}. {hint}".strip())


def _detail(text: str, names: list[str]) -> str:
    """Return the server's or the system's own message in one line."""
    text = without_advice(reasons_in(text) or text)
    for name in names:
        text = text.removeprefix(name)
    # Pulumi prefixes the message with its own, which repeats the object's name.
    text = re.sub(
        r"^.*?was not successfully created by the Kubernetes API server: ", "", text, flags=re.DOTALL
    )
    text = re.sub(r"^.*?(?:update of resource|creation of resource) \S+ failed: ", "", text, flags=re.DOTALL)
    text = " ".join(text.split()).strip(" .:")
    if _SUMMARY.match(text):
        return ""
    return text if len(text) <= _LONGEST else text[:_LONGEST].rstrip() + " …"


def _object(text: str) -> str:
    """Return the name of the object that a text begins with: `Kind/name` or `Kind/namespace/name`."""
    word = text.split(" ", 1)[0]
    return word if re.fullmatch(r"[A-Z][A-Za-z]+(?:/[a-z0-9.:-]+){1,2}", word) else ""


def _shown(names: Sequence[str]) -> str:
    """Return the first few names, and the number of the others."""
    shown = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown

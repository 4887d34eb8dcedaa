"""Send requests to the API server of a kubeconfig over verified TLS; answers are plain mappings.

The kubernetes package reads the kubeconfig, so that exec plugins, tokens and proxies work as in kubectl; the
connections are its own urllib3 pool. orjson decodes the answers, without the package's models. A kubeconfig
that switches verification off is refused.
"""

from __future__ import annotations

import copy
import importlib
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from enum import Enum
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from sovereign_ai.cluster.api.answers import not_an_api_server
from sovereign_ai.cluster.api.credentials import describe_credentials
from sovereign_ai.cluster.api.deadlines import BoundedSocket, Clock, Patience, patience, pause, timed
from sovereign_ai.cluster.api.errors import (
    ApiError,
    budget_causes,
    causes_of,
    refusal,
    unauthorized,
    unreachable,
)
from sovereign_ai.cluster.api.kubeconfig import (
    authority_of,
    check_files,
    impersonation_in,
    read_kubeconfig,
)
from sovereign_ai.cluster.api.retries import BUSY, Retries, retry_after
from sovereign_ai.cluster.api.wire_faults import Fault, FaultKind, fault_of
from sovereign_ai.cluster.tls import load_pair, trusting
from sovereign_ai.deferred_imports import deferred
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.files import CERTIFICATE, read
from sovereign_ai.frozen_dataclass import frozen_dataclass

_POOL = 64
_OK, _REDIRECT, _SERVER_ERROR, _UNAUTHORIZED, _FORBIDDEN = 200, 300, 500, 401, 403
_READS = frozenset({"GET", "HEAD"})
_OF_THE_SERVER = frozenset({FaultKind.CLOSED, FaultKind.UNRESOLVED, FaultKind.UNTRUSTED, FaultKind.DEAD})
"""Faults that concern the server as a whole; in the text of any other, the request is named."""
_NO_TEXT = frozenset({"application/json", "text/html"})
"""Media types that an API server never sends without a JSON object, as a proxy or a portal does."""
_QUIET_SECONDS = 2.0
_KEEPALIVE = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 3),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 15_000),
]
"""The kernel detects within 15 seconds a peer that is gone silently, or that a router has dropped."""
Progress = Callable[[str], object]
_FILE_KEYS = ("ca_certs", "cert_file", "key_file", "ca_cert_data", "ca_cert_dir")
JSON = "application/json"
_LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of a line of an answer that goes on; etcd keeps objects below 1.5 MB, so it is none."""
_PIECE = 65_536
"""The most bytes that one read of an answer that goes on takes."""
_LOADING = threading.Lock()
"""The kubernetes package remembers temporary files in one place for all threads."""


class Effect(Enum):
    """The effect of sending a request twice."""

    NONE = "it changes nothing, however often it is done"
    SAME = "twice does no more than once"
    ONCE = "twice may do more than once"


class Transport:
    """Connections to one API server.

    Attributes:
        server: the server's URL, as the kubeconfig has it.
        identity: who we are there, in words for a person, without a secret; read only when it is asked for.
        impersonating: headers that say whom requests impersonate; empty for nobody.
    """

    def __init__(
        self,
        client: Any,
        *,
        probe_client: Any,
        identity: Callable[[], str] = lambda: "",
        limits: Patience | None = None,
        progress: Progress = lambda _line: None,
    ) -> None:
        self._client = client
        self._pool = client.rest_client.pool_manager
        self._liveness_pool = probe_client.rest_client.pool_manager
        self._identity = identity
        self._limits = limits or patience()
        self._progress = progress
        self._answered = False
        self._liveness_lock = threading.Lock()
        self._alive_at = 0.0
        self._reported_at = 0.0
        self.impersonating: tuple[tuple[str, str], ...] = ()
        self._require_hold: Callable[[], object] = lambda: None
        self.server = str(client.configuration.host).rstrip("/")

    @property
    def identity(self) -> str:
        """The identity that the requests present, in words."""
        return self._identity()

    def acting_as(self, user: str, groups: Iterable[str]) -> Transport:
        """Return the same connections, whose requests impersonate somebody else.

        Args:
            user: the user's name.
            groups: the groups that this user has then.
        """
        other = copy.copy(self)
        other.impersonating = (
            ("Impersonate-User", user),
            *(("Impersonate-Group", group) for group in groups),
        )
        return other

    def fenced(self, require_hold: Callable[[], object]) -> Transport:
        """Return the same connections, whose writes come after a check that may refuse them.

        Args:
            require_hold: called before each attempt of a write; raises where nothing may be sent.
        """
        other = copy.copy(self)
        other._require_hold = require_hold  # noqa: SLF001 - a copy of this object
        return other

    def send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        query: Mapping[str, str] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        effect: Effect | None = None,
    ) -> dict[str, Any]:
        """Send one request and return the decoded answer; text that is no JSON is `{"text": ...}`.

        A pause that the server requests (429, 503) is made. A request whose answer was lost is repeated only
        where sending it twice has no further effect.

        Args:
            method: the HTTP method.
            path: the path below the server's URL.
            body: what to send, as plain data.
            query: the query's parameters.
            content_type: the media type of the body.
            accept: the requested media type.
            effect: the effect of sending it twice; left out, by the method.

        Raises:
            ApiError: the server refused; `uncertain` where an earlier attempt may have been carried out.
            UnreachableError: there was no answer; `sent` where the request may have been carried out.
            EnvironmentLacksError: the local system cannot open another connection.
        """
        target = f"{self.server}{path}"
        if query:
            target += f"?{urlencode(query)}"
        data = None if body is None else orjson.dumps(body)
        headers = {"Accept": accept}
        if data is not None:
            headers["Content-Type"] = content_type
        request = _Request(method, path, target, data, headers, effect or _effect_of(method, query or {}))
        retries = Retries(
            self._limits, is_repeatable=request.effect is not Effect.ONCE, has_answered=self._answered
        )
        uncertain = False
        while True:
            if not request.is_read:
                self._require_hold()
            try:
                answer = self._once(request, retries)
                decoded = _decoded(answer)
            except _FaultError as error:
                uncertain = uncertain or error.fault.sent
                wait = retries.after_fault(error.fault)
                if wait is None:
                    raise self._fault_error(request, error.fault, sent=uncertain) from error.__cause__
                self._pause(retries, wait, f"{error.fault.words}; trying once more")
                continue
            if _OK <= answer.status < _REDIRECT:
                return decoded
            message = str(decoded.get("message") or "")
            wait = retries.after_answer(answer.status, answer.headers, message, request.path)
            # A server that refuses an eviction for a disruption budget has the status of a busy one (429),
            # but is none: only the caller knows how long to wait for the budget.
            if wait is None or budget_causes(causes_of(decoded)):
                uncertain = uncertain or answer.status >= _SERVER_ERROR
                raise self._refusal(request, answer, decoded, uncertain=uncertain)
            # A busy server (429, 503) has not begun the work; after another error it may be done.
            uncertain = uncertain or (answer.status >= _SERVER_ERROR and answer.status not in BUSY)
            self._pause(retries, wait, f"it answers {answer.status}; waiting as it asks")

    def lines(
        self, path: str, query: Mapping[str, str], *, seconds: float, silence: float
    ) -> Generator[bytes, None, None]:
        """Send a read whose answer goes on, and yield an empty line once it is accepted, then its lines.

        Nothing is repeated: only the caller knows from where to go on.

        Args:
            path: the path below the server's URL.
            query: the query's parameters.
            seconds: how long the answer may go on.
            silence: seconds without a byte, after which the connection is given up.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer, or it broke off.
            EnvironmentLacksError: the local system cannot open another connection.
        """
        import urllib3  # noqa: PLC0415 - start-up time

        target = f"{self.server}{path}?{urlencode(query)}"
        request = _Request("GET", path, target, None, {"Accept": JSON}, Effect.NONE)
        retries = Retries(self._limits, is_repeatable=False, has_answered=self._answered)
        try:
            answer = self._once(request, retries, streams=True)
        except _FaultError as error:
            raise self._fault_error(request, error.fault, sent=True) from error.__cause__
        # The kernel's own checks detect a peer that is gone; this clock detects one that is there and mute.
        clock = Clock(0.0, seconds, silence, self._is_alive, is_repeatable=True)
        try:
            if not _OK <= answer.status < _REDIRECT:
                with timed(clock):
                    decoded = _decoded(answer)
                raise self._refusal(request, answer, decoded, uncertain=False)
            yield b""
            yield from _lines_of(answer, clock)
        except _FaultError as error:
            raise self._fault_error(request, error.fault, sent=True) from error.__cause__
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._fault_error(request, fault_of(error, clock), sent=True) from error
        finally:
            # A connection with the rest of an answer on it is of no use to anybody.
            answer.close()

    def _once(self, request: _Request, retries: Retries, *, streams: bool = False) -> Any:
        """Make one attempt.

        Args:
            request: the request.
            retries: the time that is left.
            streams: return as soon as the answer begins.

        Raises:
            _FaultError: no complete answer came, or none began.
        """
        import urllib3  # noqa: PLC0415 - start-up time

        headers = urllib3.HTTPHeaderDict(request.headers)
        for name, value in self.impersonating:
            headers.add(name, value)
        self._client.update_params_for_auth(
            headers, [], ["BearerToken"], request.url, request.method, request.data
        )
        usual = self._limits.read if request.is_read else self._limits.write
        connect = retries.begin()
        clock = Clock(
            connect,
            retries.answer_seconds(usual),
            self._limits.silence,
            self._is_alive,
            is_repeatable=request.is_read,
        )
        # The clock bounds the attempt; urllib3's own limits only back it up where a proxy is in between.
        timeout = urllib3.Timeout(connect=connect, read=usual + self._limits.silence)
        began = time.monotonic()
        try:
            with timed(clock):
                answer = self._pool.request(
                    request.method,
                    request.url,
                    body=request.data,
                    headers=headers,
                    retries=False,
                    timeout=timeout,
                    redirect=False,
                    preload_content=not streams,
                )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if clock.sent:
                retries.spent += time.monotonic() - began
            raise _FaultError(fault_of(error, clock)) from error
        self._answered = True
        return answer

    def _is_alive(self) -> bool:
        """Return whether the server answers on a new connection; one thread checks for all that wait."""
        # A pooled connection may be half open, like the one that fell silent.
        import urllib3  # noqa: PLC0415 - start-up time

        requested_at = time.monotonic()
        with self._liveness_lock:
            if self._alive_at > requested_at:
                return True
            limit = self._limits.alive
            clock = Clock(limit, limit, 2 * limit, lambda: False, is_repeatable=False)
            timeout = urllib3.Timeout(connect=limit, read=limit)
            try:
                with timed(clock):
                    self._liveness_pool.request(
                        "GET", f"{self.server}/livez", retries=False, timeout=timeout, redirect=False
                    )
            except (urllib3.exceptions.HTTPError, OSError):
                return False
            finally:
                self._liveness_pool.clear()
            self._alive_at = time.monotonic()
            return True

    def _pause(self, retries: Retries, seconds: float, why: str) -> None:
        """Wait before the next attempt, and report pauses of two seconds and more."""
        retries.waited += seconds
        now = time.monotonic()
        if retries.waited >= _QUIET_SECONDS and now - self._reported_at >= _QUIET_SECONDS:
            self._reported_at = now
            line = f"{self.server}: {why}"
            if seconds >= 1:
                line += f", {seconds:.0f} s"
            self._progress(line)
        pause(seconds)

    def _fault_error(self, request: _Request, fault: Fault, *, sent: bool) -> EnvironmentLacksError:
        """Return the error for the last fault of a request."""
        if fault.kind is FaultKind.LOCAL:
            message = f"this machine cannot open a connection to {self.server}: {fault.words}"
            return EnvironmentLacksError(Problem("local-limit", message, hint=fault.hint))
        if fault.kind is FaultKind.REFUSES_CLIENT:
            return unauthorized(self.server, fault.words, self.identity)
        if fault.kind is FaultKind.GARBLED:
            return not_an_api_server(self.server, request.path, fault.words, sent=sent)
        words = fault.words
        if fault.kind not in _OF_THE_SERVER:
            words += f" ({request.method} {request.path})"
        return unreachable(
            self.server, words, untrusted=fault.kind is FaultKind.UNTRUSTED, hint=fault.hint, sent=sent
        )

    def _refusal(
        self, request: _Request, answer: Any, decoded: dict[str, Any], *, uncertain: bool
    ) -> ApiError:
        """Return the error for the last answer."""
        who = self.identity if answer.status in {_UNAUTHORIZED, _FORBIDDEN} else ""
        retry_after_seconds = retry_after(answer.headers)
        return refusal(
            request.method,
            request.path,
            answer.status,
            decoded,
            who=who,
            uncertain=uncertain,
            retry_after_seconds=retry_after_seconds,
        )

    def close(self) -> None:
        """Close idle connections."""
        self._pool.clear()


def _lines_of(answer: Any, clock: Clock) -> Generator[bytes, None, None]:
    """Yield the lines of an answer as they arrive.

    Raises:
        _FaultError: a line is longer than any object.
    """
    pieces = answer.stream(_PIECE)
    rest = b""
    while True:
        # Only while it reads: its caller may make other requests meanwhile, which have their own clocks.
        with timed(clock):
            piece = next(pieces, b"")
        if not piece:
            return
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > _LONGEST_LINE:
            words = f"a line of more than {_LONGEST_LINE} bytes"
            raise _FaultError(Fault(FaultKind.GARBLED, words, sent=True))


def _effect_of(method: str, query: Mapping[str, str]) -> Effect:
    """Return the effect of sending a request twice, by its method."""
    if method in _READS:
        return Effect.NONE
    # A dry run stores nothing, but passes through every webhook, and so may take as long as a write.
    return Effect.ONCE if method == "POST" and query.get("dryRun") != "All" else Effect.SAME


@frozen_dataclass
class _Request:
    """One request, as it is sent each time."""

    method: str
    path: str
    url: str
    data: bytes | None
    headers: Mapping[str, str]
    effect: Effect

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing, so that the server should answer at once."""
        return self.effect is Effect.NONE


class _FaultError(Exception):
    """An attempt without a complete answer."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.words)
        self.fault = fault


def kube_config() -> Any:
    """Return the module of the kubernetes package that reads kubeconfigs.

    It imports OAuth, and requests with it, for the one case of a token that has to be renewed.
    """
    with deferred("requests_oauthlib"):
        return importlib.import_module("kubernetes.config.kube_config")


def connect(
    kubeconfig: Path,
    context: str | None = None,
    *,
    limits: Patience | None = None,
    progress: Progress = lambda _line: None,
) -> Transport:
    """Read a kubeconfig and prepare connections to its server; nothing is sent yet.

    Args:
        kubeconfig: the file.
        context: one of its contexts; left out, the current one.
        limits: how long requests may take; left out, by the environment variable.
        progress: receives a line when a request waits for longer than two seconds.

    Raises:
        EnvironmentLacksError: the file is missing or unreadable, lacks the context, names a server
            without TLS, or switches verification off.
        UsageError: the environment variable is no valid limit.
    """
    loading = kube_config()
    client_module: Any = importlib.import_module("kubernetes.client")

    data = _read(kubeconfig)
    _refuse_unverified(kubeconfig, data, context)
    check_files(kubeconfig, data, context)
    configuration = client_module.Configuration()
    configuration.connection_pool_maxsize = _POOL
    with _LOADING, tempfile.TemporaryDirectory(prefix="sovereign-ai-") as scratch:
        try:
            loader = loading.KubeConfigLoader(
                config_dict=data,
                active_context=context,
                config_base_path=str(kubeconfig.parent.absolute()),
                temp_file_path=scratch,
            )
            loader.load_and_set(configuration)
            # A proxy of the environment cannot reach this host's loopback.
            if urlsplit(configuration.host).hostname in {"127.0.0.1", "localhost", "::1"}:
                configuration.proxy = None
            _refuse_socks(configuration.proxy)
            client = client_module.ApiClient(configuration=configuration)
            probe_client = client_module.ApiClient(configuration=configuration)
            tls = _tls_context(configuration)
            _hold_certificates(client.rest_client.pool_manager, tls)
            _hold_certificates(probe_client.rest_client.pool_manager, tls)
        except (loading.ConfigException, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            hint = "give a kubeconfig that kubectl accepts, or another --context"
            message = f"cannot use the kubeconfig: {error}"
            location = Where(file=str(kubeconfig))
            problem = Problem("kubeconfig-invalid", message, location, hint)
            raise EnvironmentLacksError(problem) from error
        finally:
            _forget(loading, scratch)
    transport = Transport(
        client,
        probe_client=probe_client,
        identity=partial(describe_credentials, kubeconfig, context),
        limits=limits,
        progress=progress,
    )
    transport.impersonating = impersonation_in(data, context)
    return transport


def named_server(
    kubeconfig: Path, context: str | None = None, cluster: str | None = None
) -> tuple[str, bytes]:
    """Return the server that a kubeconfig's context names, and the certificates of its authority.

    Args:
        kubeconfig: the file.
        context: one of its contexts; left out, the current one.
        cluster: one of its clusters, in place of the context's.

    Raises:
        EnvironmentLacksError: the file is missing or unreadable, or its context names no cluster.
    """
    return server_in(_read(kubeconfig), kubeconfig, context, cluster)


def server_in(
    data: Mapping[str, Any], file: Path, context: str | None = None, cluster: str | None = None
) -> tuple[str, bytes]:
    """Return the server and authority that the content of a kubeconfig names.

    Args:
        data: the content.
        file: where it comes from, for problems; relative paths start from its folder.
        context: one of its contexts; left out, the current one.
        cluster: one of its clusters, in place of the context's.

    Raises:
        EnvironmentLacksError: the context names no cluster.
    """
    try:
        contexts, clusters = _entries(data, "contexts"), _entries(data, "clusters")
        wanted = cluster or contexts[context or data.get("current-context")]["context"]["cluster"]
        entry = clusters[wanted]["cluster"]
        return str(entry["server"]), authority_of(file, entry)
    except (KeyError, TypeError, AttributeError, ValueError, OSError) as error:
        called = f"its context {context!r}" if context else "its current context"
        hint = "give a kubeconfig that kubectl accepts"
        problem = Problem("kubeconfig-invalid", f"{called} names no cluster", Where(str(file)), hint)
        raise EnvironmentLacksError(problem) from error


def _entries(data: Mapping[str, Any], kind: str) -> dict[Any, dict[str, Any]]:
    """Return the entries of one list of a kubeconfig by their names."""
    return {entry.get("name"): entry for entry in data.get(kind) or [] if isinstance(entry, dict)}


def current_context(kubeconfig: Path) -> str | None:
    """Return the name of a kubeconfig's current context; None where it has none.

    Raises:
        EnvironmentLacksError: the file is missing or unreadable.
    """
    context = _read(kubeconfig).get("current-context")
    return context if isinstance(context, str) and context else None


def _forget(loading: Any, scratch: str) -> None:
    """Remove temporary files from the package's cache, which would return their names once more."""
    remembered: dict[Any, str] = loading._temp_files  # noqa: SLF001 - it has no other way
    stale = [content for content, path in remembered.items() if path.startswith(scratch)]
    for content in stale:
        del remembered[content]


def _tls_context(configuration: Any) -> ssl.SSLContext:
    """Return a TLS context that holds certificates and key, so that their temporary files can be removed."""
    if configuration.ssl_ca_cert:
        tls = trusting(Path(configuration.ssl_ca_cert), CERTIFICATE)
    else:
        tls = ssl.create_default_context(cadata=configuration.ca_cert_data)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.sslsocket_class = BoundedSocket
    if configuration.cert_file:
        certificate = Path(configuration.cert_file)
        # Without a key of its own, the file holds both.
        key = Path(configuration.key_file) if configuration.key_file else None
        load_pair(tls, read(certificate, CERTIFICATE), read(key, CERTIFICATE) if key else b"")
    return tls


def _hold_certificates(pool: Any, tls: ssl.SSLContext) -> None:
    """Make a pool use a TLS context in place of files."""
    settings = pool.connection_pool_kw
    for key in _FILE_KEYS:
        settings.pop(key, None)
    settings["ssl_context"] = tls
    settings["socket_options"] = _KEEPALIVE


def _read(kubeconfig: Path) -> dict[str, Any]:
    """Return a kubeconfig as one mapping, with all values of the right type."""
    return read_kubeconfig(kubeconfig)


def _refuse_socks(proxy: str | None) -> None:
    """Refuse a proxy of SOCKS, for which urllib3 loads a library that this project does not bring.

    Raises:
        ValueError: it is one.
    """
    if (proxy or "").startswith("socks") and find_spec("socks") is None:
        raise ValueError("its proxy speaks SOCKS, for which a library is missing; name one by http://")


def _refuse_unverified(kubeconfig: Path, data: dict[str, Any], context: str | None) -> None:
    """Refuse a cluster entry without verified TLS.

    Raises:
        EnvironmentLacksError: there is one.
    """
    chosen = context or data.get("current-context")
    wanted = set()
    for entry in data.get("contexts") or []:
        is_chosen = isinstance(entry, dict) and entry.get("name") == chosen
        if is_chosen and isinstance(entry.get("context"), dict):
            wanted.add(entry["context"].get("cluster"))
    problems = []
    for entry in data["clusters"]:
        # Where the context cannot be resolved here, every cluster is checked.
        if not isinstance(entry, dict) or (wanted and entry.get("name") not in wanted):
            continue
        cluster = entry.get("cluster") or {}
        location = Where(file=str(kubeconfig), field=f"clusters[{entry.get('name')}]")
        if cluster.get("insecure-skip-tls-verify"):
            message = "it switches TLS verification off, which is never done here"
            hint = (
                "put the server's authority into certificate-authority-data "
                "and remove insecure-skip-tls-verify"
            )
            problems.append(Problem("kubeconfig-insecure", message, location, hint))
        if not str(cluster.get("server", "")).startswith("https://"):
            message = "its server is not reached by https"
            hint = "use the server's https:// address"
            problems.append(Problem("kubeconfig-insecure", message, location, hint))
    if problems:
        raise EnvironmentLacksError(problems)


def _decoded(answer: Any) -> dict[str, Any]:
    """Decode an answer; text that is no JSON object is `{"text": ...}`, and so is the body of an error.

    Raises:
        _FaultError: its media type is JSON and its body is not, or it is a page for a browser.
    """
    data: bytes = answer.data
    try:
        body = orjson.loads(data) if data else {}
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict):
        return body
    content_type = str(answer.headers.get("Content-Type") or "")
    media_type = content_type.partition(";")[0].strip().lower()
    is_no_text = media_type in _NO_TEXT or (not media_type and body is None)
    if _OK <= answer.status < _REDIRECT and is_no_text:
        words = f"{len(data)} bytes that are no JSON object"
        if media_type:
            words += f", called {media_type[:40]}"
        raise _FaultError(Fault(FaultKind.GARBLED, words, sent=True))
    return {"text": data.decode("utf-8", errors="replace")}

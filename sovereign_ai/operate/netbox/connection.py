"""Requests to one NetBox: bounded, repeated where that is safe, and never to another host.

No redirect is followed and no proxy is asked. TLS is verified; without it only this machine itself is asked.
Each request has a connection of its own, so that a server that closes an idle one never leaves open whether
a write was carried out.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Timer
from typing import Any
from urllib.parse import urlsplit

import orjson

from sovereign_ai.cluster.api import retry_after
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.files import AUTHORITIES, NETBOX_ANSWER, NETBOX_TOKEN, decode, parse_json, read
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import HIDDEN_VALUE, clean

TOKEN = "SOVEREIGN_AI_NETBOX_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable that holds the token where no file is named."""
_TOKEN = re.compile(r"[\x21-\x7e]{8,512}")
_V2 = "nbt_"
"""How tokens of NetBox's version 2 begin; they are sent by another scheme."""
_REPEATABLE = frozenset({"GET", "PATCH"})
"""Methods that do no more when they are carried out twice."""
_BUSY = frozenset({429, 503})
_BROKEN = frozenset({500, 502, 504})
_REFUSED = frozenset({400, 404, 409})
_MOST_SHOWN = 300
_CONNECT_SECONDS = 10.0


class RefusedWriteError(Exception):
    """NetBox refuses what was sent, and has changed nothing of it."""


class LostAnswerError(Exception):
    """No answer to a write: it may have been carried out."""


@frozen_dataclass
class NetBoxUrl:
    """The address of a NetBox.

    Attributes:
        host: its host.
        port: its port.
        tls: whether it is asked over TLS.
        path: the path before `/api`; empty for a NetBox at the root.
    """

    host: str
    port: int
    tls: bool
    path: str

    def __str__(self) -> str:
        scheme = "https" if self.tls else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}{self.path}"


@frozen_dataclass
class NetBoxPatience:
    """Limits in seconds.

    Attributes:
        read: for a whole answer to a read.
        write: for a whole answer to a write; NetBox traces the paths of each cable meanwhile.
        busy: for all the pauses that one request is asked for.
        most_tries: how often a request is sent, at most, after a fault or an error of the server.
    """

    read: float = 120.0
    write: float = 300.0
    busy: float = 300.0
    most_tries: int = 4


@frozen_dataclass
class _Reply:
    """One whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class _Effort:
    """What was spent on one request."""

    patience: NetBoxPatience
    tries: int = 1
    paused: float = 0.0

    def pause_when_busy(self, retry_seconds: float | None) -> float | None:
        """Return the pause that the server asks for; None where it is too long."""
        seconds = self._backoff() if retry_seconds is None else max(retry_seconds, 0.1)
        if self.paused + seconds > self.patience.busy:
            return None
        self.paused += seconds
        self.tries += 1
        return seconds

    def pause_after_fault(self) -> float | None:
        """Return the pause before a further try; None after the last."""
        if self.tries >= self.patience.most_tries:
            return None
        seconds = self._backoff()
        self.tries += 1
        return seconds

    def _backoff(self) -> float:
        return min(0.5 * 2.0 ** (self.tries - 1), 10.0)


def parse_netbox_url(url: str) -> NetBoxUrl:
    """Return the address that a person named.

    Raises:
        UsageError: it is none, has no TLS, or holds an account, which would end up in messages.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not host or parts.username or parts.password or parts.query or parts.fragment or not is_plain:
        # The address is not repeated: it may hold an account.
        message = "--url: this is no address of a NetBox"
        hint = "write https://HOST or https://HOST/PATH, without account, query and fragment"
        raise UsageError(Problem("bad-url", message, hint=hint))
    tls = parts.scheme == "https"
    if not tls and not (parts.scheme == "http" and _is_loopback(host)):
        message = "--url: NetBox is not asked over TLS"
        raise UsageError(Problem("bad-url", message, hint="write https://HOST"))
    path = parts.path.rstrip("/").removesuffix("/api")
    return NetBoxUrl(host, port or (443 if tls else 80), tls, path)


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_token(file: Path | None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the token: of a file that its owner alone can read, or else of the environment.

    Raises:
        UsageError: there is none, or it has a character that no token has.
    """
    where = Where(TOKEN)
    if file is not None:
        where = Where(str(file))
        lines = decode(read(file, NETBOX_TOKEN), str(file), NETBOX_TOKEN).splitlines()
        token = lines[0].strip() if lines else ""
    elif TOKEN in environment:
        token = environment[TOKEN].strip()
    else:
        message = "no token for NetBox"
        hint = f"name a file of mode 0600 by --token-file, or set {TOKEN}"
        raise UsageError(Problem("no-token", message, hint=hint))
    if _TOKEN.fullmatch(token) is None:
        message = "this is no token of NetBox: 8 to 512 characters without blanks"
        raise UsageError(Problem("bad-token", message, where, NETBOX_TOKEN.hint))
    return token


def _trust(authorities: Path | None) -> ssl.SSLContext:
    """Return what certificates are trusted: the system's, or those of a file.

    Raises:
        UsageError: the file holds no certificate.
    """
    if authorities is None:
        return ssl.create_default_context()
    text = decode(read(authorities, AUTHORITIES), str(authorities), AUTHORITIES)
    try:
        # Of an empty text Python would make a context that trusts the authorities of the system.
        return ssl.create_default_context(cadata=text or "none")
    except (ssl.SSLError, ValueError):
        message = "the file holds no certificates in PEM"
        raise UsageError(
            Problem("bad-ca", message, Where(str(authorities)), "name who signed NetBox's certificate")
        ) from None


def _wait(seconds: float) -> None:
    """Wait; Ctrl-C ends it."""
    Event().wait(seconds)


@dataclass(slots=True)
class NetBoxConnection:
    """A NetBox, and the token that it is asked with.

    Attributes:
        url: its address.
        token: the token.
        authorities: a file of the certificates that are trusted; None for the system's.
        progress: is told of waits.
        patience: limits.
        pause: waits for seconds.
    """

    url: NetBoxUrl
    token: str = field(repr=False)
    authorities: Path | None = None
    progress: Callable[[str], None] = lambda _: None
    patience: NetBoxPatience = field(default_factory=NetBoxPatience)
    pause: Callable[[float], None] = _wait
    _context: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        if self.url.tls:
            self._context = _trust(self.authorities)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and return the data of its answer; None where that has none.

        Args:
            method: the verb.
            path: the path below `/api/`, with its query.
            body: plain data.

        Raises:
            RefusedWriteError: NetBox refuses a write, and has changed nothing.
            LostAnswerError: a write got no answer, so that nobody knows whether it was carried out.
            EnvironmentLacksError: NetBox cannot be used at all.
        """
        effort = _Effort(self.patience)
        while True:
            sent = [False]
            try:
                reply = self._exchange(method, path, body, sent)
            except (OSError, http.client.HTTPException) as error:
                seconds = self._after_fault(effort, method, error, sent=sent[0])
                reason = "no answer"
            else:
                retry_seconds = self._after_reply(effort, method, reply)
                if retry_seconds is None:
                    return self._accept(method, path, reply)
                seconds, reason = retry_seconds, f"status {reply.status}"
            self.progress(f"NetBox: {reason}; trying again in {seconds:g} s")
            self.pause(seconds)

    def _after_fault(self, effort: _Effort, method: str, error: Exception, *, sent: bool) -> float:
        """Return the pause after a connection that failed.

        Raises:
            LostAnswerError: the request may have been carried out, and must not be twice.
            EnvironmentLacksError: NetBox cannot be reached.
        """
        words = self._safe(_words_of(error))
        if sent and method not in _REPEATABLE:
            raise LostAnswerError(words) from None
        is_final = isinstance(error, ssl.SSLCertVerificationError | socket.gaierror)
        seconds = None if is_final else effort.pause_after_fault()
        if seconds is None:
            if sent and method != "GET":
                raise LostAnswerError(words) from None
            raise self._unusable("netbox-unreachable", words, "look at --url, --ca and the way there")
        return seconds

    def _after_reply(self, effort: _Effort, method: str, reply: _Reply) -> float | None:
        """Return the pause before a further try; None where the answer counts."""
        if reply.status in _BUSY:
            return effort.pause_when_busy(retry_after(reply.headers))
        if reply.status in _BROKEN and method in _REPEATABLE:
            return effort.pause_after_fault()
        return None

    def _accept(self, method: str, path: str, reply: _Reply) -> Any:
        """Return the data of an answer that is no error."""
        status = reply.status
        if status == http.client.NO_CONTENT:
            return None
        if 200 <= status < 300:
            if len(reply.body) > NETBOX_ANSWER.most_bytes:
                raise self._unusable("netbox-answer", f"an answer has more than {NETBOX_ANSWER.most}", "")
            return parse_json(reply.body, f"NetBox: {path.partition('?')[0]}", NETBOX_ANSWER).data
        words = self._safe(_words_in(reply.body))
        if 300 <= status < 400:
            hint = "give --url the address at which NetBox itself answers; no redirect is followed"
            raise self._unusable("netbox-redirect", f"it redirects (status {status})", hint)
        if status == 401 or (status == 403 and "token" in words.lower()):
            hint = "the first line of --token-file is a token that is valid and enabled"
            raise self._unusable("netbox-token", f"it does not accept the token: {words}", hint)
        if status == 403:
            hint = f"the token's account needs the permission for {method} of {path.partition('?')[0]}"
            raise self._unusable("netbox-permission", f"it does not permit this: {words}", hint)
        if method == "GET" or status in _BUSY:
            raise self._unusable("netbox-unusable", f"it answers status {status}: {words}", "try again")
        if status in _REFUSED:
            raise RefusedWriteError(words)
        raise LostAnswerError(f"status {status}: {words}")

    def _unusable(self, code: str, words: str, hint: str) -> EnvironmentLacksError:
        """Return the error that this NetBox cannot be used."""
        return EnvironmentLacksError(Problem(code, f"NetBox at {self.url}: {words}", hint=hint))

    def _safe(self, words: str) -> str:
        """Return words of others for a message: bounded, cleaned and without the token."""
        secret = self.token.rpartition(".")[2]
        for hidden in (self.token, secret):
            words = words.replace(hidden, HIDDEN_VALUE)
        return clean(words[:_MOST_SHOWN]) or "no reason given"

    def _exchange(self, method: str, path: str, body: Any, sent: list[bool]) -> _Reply:
        """Send a request on a connection of its own and read the whole answer.

        Raises:
            OSError: no connection, or not in time.
            http.client.HTTPException: the server does not speak HTTP.
        """
        limit = self.patience.read if method == "GET" else self.patience.write
        deadline = time.monotonic() + limit
        link = http.client.HTTPConnection(self.url.host, self.url.port, timeout=limit)
        timer = Timer(0, lambda: None)
        try:
            wire = self._connect(limit)
            link.sock = wire
            # The socket's own timeout begins anew with every byte, also of the handshake; this one does not.
            timer = Timer(limit, _cut, (wire,))
            timer.daemon = True
            timer.start()
            if isinstance(wire, ssl.SSLSocket):
                wire.do_handshake()
            payload = None if body is None else orjson.dumps(body)
            sent[0] = True
            link.request(method, f"{self.url.path}/api/{path}", payload, self._headers(payload))
            answer = link.getresponse()
            # One byte more than allowed, by which a longer answer is recognised.
            text = answer.read(NETBOX_ANSWER.most_bytes + 1)
            if time.monotonic() >= deadline:
                raise TimeoutError
            headers = {"Retry-After": answer.getheader("Retry-After") or ""}
            headers["Date"] = answer.getheader("Date") or ""
            return _Reply(answer.status, headers, text)
        except (OSError, http.client.HTTPException):
            # What was cut off looks like a wrong answer.
            if time.monotonic() >= deadline:
                raise TimeoutError(f"no whole answer within {limit:g} s") from None
            raise
        finally:
            timer.cancel()
            link.close()

    def _connect(self, limit: float) -> socket.socket:
        """Return a connection whose TLS handshake is still to be done."""
        wire = socket.create_connection((self.url.host, self.url.port), timeout=min(limit, _CONNECT_SECONDS))
        wire.settimeout(limit)
        if self._context is None:
            return wire
        return self._context.wrap_socket(wire, server_hostname=self.url.host, do_handshake_on_connect=False)

    def _headers(self, payload: bytes | None) -> dict[str, str]:
        """Return a request's headers."""
        scheme = "Bearer" if self.token.startswith(_V2) else "Token"
        headers = {"Authorization": f"{scheme} {self.token}", "Accept": "application/json"}
        headers["Connection"] = "close"
        if payload is not None:
            headers["Content-Type"] = "application/json"
        return headers


def _cut(connected: socket.socket) -> None:
    """End a connection, so that whoever waits on it goes on."""
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _words_of(error: Exception) -> str:
    """Return what is wrong with a connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _words_in(body: bytes) -> str:
    """Return the reasons in an error's body: the texts of its JSON, or its beginning."""
    try:
        data = parse_json(body[: NETBOX_ANSWER.most_bytes], "NetBox", NETBOX_ANSWER).data
    except EnvironmentLacksError:
        return body[:_MOST_SHOWN].decode("utf-8", "replace").partition("<")[0].strip()
    texts: list[str] = []
    # Where the objects of a batch have reasons, the summary above them says nothing more.
    reasons = data.get("errors") if isinstance(data, Mapping) else None
    _collect(reasons or data, "", texts)
    return "; ".join(dict.fromkeys(texts))


def _collect(data: Any, name: str, texts: list[str]) -> None:
    """Collect the texts of an error, each with the field that it is about."""
    if isinstance(data, Mapping):
        for member, inner in data.items():
            _collect(inner, "" if member in {"detail", "errors", "__all__"} else str(member), texts)
    elif isinstance(data, list):
        for inner in data:
            _collect(inner, name, texts)
    elif isinstance(data, str) and data:
        texts.append(f"{name}: {data}" if name else data)

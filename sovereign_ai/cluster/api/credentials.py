"""Describe the identity that a kubeconfig presents: its name, its file, its kind, and when it expires.

The description holds no secret: of a token only its expiry is read, of a key nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.cluster.api.kubeconfig import read_kubeconfig
from sovereign_ai.errors import SovereignError
from sovereign_ai.files import CERTIFICATE, read
from sovereign_ai.key_material import certificates_in

_NONE = "no credentials"


def describe_credentials(kubeconfig: Path, context: str | None = None, now: datetime | None = None) -> str:
    """Describe the identity of a context; what cannot be read is left out, and nothing is raised.

    Args:
        kubeconfig: the file.
        context: one of its contexts; left out, the current one.
        now: the time to compare with; left out, the local clock.

    Returns:
        Such as `user 'jane' of /home/jane/config, by a token that expired at 2026-11-26T12:00:00+00:00`.
    """
    moment = now or datetime.now(UTC)
    try:
        name, user = _user(read_kubeconfig(kubeconfig), context)
    except (SovereignError, KeyError, TypeError):
        return f"the identity of {kubeconfig}"
    impersonation = f" impersonating {user['as']!r}" if user.get("as") else ""
    return f"user {name!r}{impersonation} of {kubeconfig}, by {_means(user, kubeconfig.parent, moment)}"


def _user(data: Mapping[str, Any], context: str | None) -> tuple[str, Mapping[str, Any]]:
    """Return the name and the user entry of a context's user."""
    contexts = {entry["name"]: entry.get("context") or {} for entry in data.get("contexts") or []}
    users = {entry["name"]: entry.get("user") or {} for entry in data.get("users") or []}
    name = str(contexts[context or data["current-context"]]["user"])
    return name, users[name]


def _means(user: Mapping[str, Any], base: Path, now: datetime) -> str:
    """Describe how a user authenticates, in kubectl's order: a token counts before a certificate."""
    if "exec" in user:
        command = str(user["exec"].get("command"))
        return f"the credential plugin {command!r}"
    if user.get("token") or user.get("tokenFile"):
        file = "" if user.get("token") else f" in {base / user['tokenFile']}"
        return f"a token{file}{_validity(_token_end(user, base), now)}"
    if user.get("client-certificate-data") or user.get("client-certificate"):
        return _certificate(user, base, now)
    if user.get("username"):
        return f"the password of {str(user['username'])!r}"
    if user.get("auth-provider"):
        provider = str(user["auth-provider"].get("name"))
        return f"the provider {provider!r}"
    return _NONE


def _token_end(user: Mapping[str, Any], base: Path) -> datetime | None:
    """Return when a token expires, where it is a JSON Web Token (RFC 7519); its signature is not verified."""
    try:
        token = user.get("token") or read(base / user["tokenFile"], CERTIFICATE).decode()
        payload = str(token).strip().split(".")[1]
        padding = "=" * (-len(payload) % 4)  # JWTs leave it out, and Python requires it
        claims = orjson.loads(base64.urlsafe_b64decode(payload + padding))
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (
        SovereignError,
        OSError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        OverflowError,
        RecursionError,
        binascii.Error,
    ):
        return None


def _certificate(user: Mapping[str, Any], base: Path, now: datetime) -> str:
    """Describe a client certificate."""
    try:
        inline = user.get("client-certificate-data")
        data = base64.b64decode(inline) if inline else read(base / user["client-certificate"], CERTIFICATE)
        # A kubelet keeps both in one file.
        certificate = certificates_in(data, beside_key=True)[0]
    except (SovereignError, ValueError, TypeError):
        return "a client certificate that cannot be read"
    subject = certificate.subject.rfc4514_string()
    if certificate.not_valid_before_utc > now:
        # Usually the local clock is wrong, so both times are shown.
        start = certificate.not_valid_before_utc.isoformat()
        return (
            f"the client certificate {subject} that is not valid before {start}; "
            f"the local clock shows {_second(now)}"
        )
    return f"the client certificate {subject}{_validity(certificate.not_valid_after_utc, now)}"


def _validity(end: datetime | None, now: datetime) -> str:
    """Return in words until when credentials are valid, or since when they are not; empty if unknown."""
    if end is None:
        return ""
    return f" that expired at {_second(end)}" if end <= now else f" that is valid until {_second(end)}"


def _second(moment: datetime) -> str:
    """Return a time in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")

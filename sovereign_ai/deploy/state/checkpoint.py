"""Read a Pulumi checkpoint, or report why a file is none.

A checkpoint is JSON: `{"version": 3, "checkpoint": {"stack": …, "latest": {"manifest": {"time": …},
"secrets_providers": …, "resources": […], "pending_operations": […]}}}` (Pulumi, sdk/go/common/apitype).
Secrets in it stay encrypted: no code here has the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass

_ROOT = "pulumi:pulumi:Stack"
_OBJECT = "kubernetes:"
_PROVIDERS = "pulumi:providers:"
_MOST_NAMED = 3
_NEVER = datetime.min.replace(tzinfo=UTC)


class DamagedCheckpointError(Exception):
    """The content is no checkpoint of the stack.

    The text is the reason, to follow "the state cannot be used: ".
    """


@frozen_dataclass
class Checkpoint:
    """A stack's state as Pulumi wrote it.

    Attributes:
        data: the file's content without compression.
        digest: SHA-256 of the content, in hexadecimal.
        time: when the engine wrote it.
        engine: the engine's version.
        resources: all resources, in the engine's order; secrets in them are encrypted.
        pending: operations that were started and whose end the engine did not record.
        salt: salt of the key that encrypts secrets; empty if the state names none.
        secrets_provider: type of the secrets provider, such as `passphrase` or `cloud`; empty if the state
            names none.
    """

    data: bytes = field(repr=False)
    digest: str
    time: datetime
    engine: str
    resources: tuple[Mapping[str, Any], ...] = field(repr=False)
    pending: tuple[Mapping[str, Any], ...] = field(repr=False)
    salt: str = field(repr=False)
    secrets_provider: str = ""

    @property
    def objects(self) -> int:
        """The number of Kubernetes objects in it."""
        count = 0
        for resource in self.resources:
            if resource["type"].startswith(_OBJECT):
                count += 1
        return count

    @property
    def owned(self) -> int:
        """The number of resources that would be lost with it: all but the stack itself and its providers."""
        count = 0
        for resource in self.resources:
            if resource["type"] != _ROOT and not resource["type"].startswith(_PROVIDERS):
                count += 1
        return count


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of a content, in hexadecimal.

    >>> digest_of(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def parse(data: bytes, project: str, stack: str) -> Checkpoint:
    """Return the checkpoint in a file's content.

    Args:
        data: the content, without compression.
        project: the project that it must belong to.
        stack: the stack that it must belong to.

    Raises:
        DamagedCheckpointError: the content is no checkpoint, or that of another stack.
    """
    body = _body(data)
    # Pulumi's file backend knows one organization only, which is called `organization`.
    expected = f"organization/{project}/{stack}"
    if body.get("stack") != expected:
        name = str(body.get("stack"))[:80]
        raise DamagedCheckpointError(f"it is the state of {name!r} and not of {expected!r}")
    latest = body.get("latest")
    if latest is None:
        latest = {}
    if not isinstance(latest, dict):
        raise DamagedCheckpointError("its deployment is no mapping")
    manifest = latest.get("manifest") or {}
    resources = _listed(latest, "resources")
    _require_links(resources)
    engine = str(manifest.get("version", "")) if isinstance(manifest, dict) else ""
    return Checkpoint(
        data,
        digest_of(data),
        _time(manifest),
        engine,
        resources,
        _listed(latest, "pending_operations"),
        _salt(latest),
        _secrets_provider(latest),
    )


def _body(data: bytes) -> dict[str, Any]:
    """Return the content of a versioned checkpoint."""
    if not data.strip():
        raise DamagedCheckpointError("it is empty")
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        position = f"line {error.lineno} column {error.colno}"
        raise DamagedCheckpointError(f"it is cut short or no JSON ({error.msg}, {position})") from None
    if not isinstance(whole, dict) or not isinstance(whole.get("version"), int):
        raise DamagedCheckpointError("it is JSON, but holds no checkpoint")
    body = whole.get("checkpoint")
    if not isinstance(body, dict):
        raise DamagedCheckpointError("it holds no checkpoint")
    return body


def _listed(latest: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    """Return a list of a deployment, checked for mappings, and resources for a URN and a type."""
    items = latest.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise DamagedCheckpointError(f"its {name} are no list of mappings")
    if name == "resources":
        for number, item in enumerate(items):
            if not isinstance(item.get("urn"), str) or not isinstance(item.get("type"), str):
                raise DamagedCheckpointError(f"resource number {number} has no URN or no type")
    return tuple(items)


def _require_links(resources: tuple[Mapping[str, Any], ...]) -> None:
    """Check that every parent, provider and dependency exists; the engine refuses a state that lacks one."""
    known = {item["urn"] for item in resources}
    missing = []
    for item in resources:
        for urn in _links(item):
            if urn not in known:
                name = item["urn"].rsplit("::", 1)[-1]
                missing.append(f"{name} names {urn}")
    if missing:
        more = f", and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        shown = ", ".join(missing[:_MOST_NAMED])
        raise DamagedCheckpointError(f"resources that others need are missing: {shown}{more}")


def _links(item: Mapping[str, Any]) -> Iterator[str]:
    """Yield the URNs that a resource names as its parent, its provider and its dependencies."""
    if isinstance(parent := item.get("parent"), str) and parent:
        yield parent
    if isinstance(provider := item.get("provider"), str) and provider:
        yield provider.rpartition("::")[0]  # a reference is URN::ID
    dependencies = item.get("dependencies")
    if isinstance(dependencies, list):
        yield from (urn for urn in dependencies if isinstance(urn, str))


def _time(manifest: object) -> datetime:
    """Return when the engine wrote the state; the year 1 where the manifest has no time."""
    text = manifest.get("time") if isinstance(manifest, dict) else None
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else _NEVER
    except ValueError:
        raise DamagedCheckpointError(f"its time {str(text)[:40]!r} is none") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _salt(latest: Mapping[str, Any]) -> str:
    """Return the salt of a state whose secrets are under a passphrase; empty for any other."""
    providers = latest.get("secrets_providers")
    if not isinstance(providers, dict) or providers.get("type") != "passphrase":
        return ""
    state = providers.get("state")
    salt = state.get("salt") if isinstance(state, dict) else None
    return salt if isinstance(salt, str) else ""


def _secrets_provider(latest: Mapping[str, Any]) -> str:
    """Return the type of the provider that encrypts a state's secrets; empty where it names none."""
    providers = latest.get("secrets_providers")
    if not providers:
        return ""
    return str(providers.get("type", "")) if isinstance(providers, dict) else "unknown"

"""Keeps the bindings of break-glass access as their grants say: there while a grant stands, gone at its end.

A binding that somebody else removed is not made again: who takes access away is right. A binding that carries
our label and has no standing grant behind it is removed. Each step can be repeated after a crash. While the API
server does not answer nothing changes and the next round tries again; the person's certificate ends by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sovereign_ai.cluster.api_errors import ApiError
from sovereign_ai.cluster.state import Place
from sovereign_ai.operate.grants import LABELS, Grant
from sovereign_ai.operate.records import Record, clear, kubeconfig_of, records, write_state

_RBAC, _BINDING = "rbac.authorization.k8s.io/v1", "RoleBinding"
_SELECTOR = ",".join(f"{key}={value}" for key, value in LABELS.items())
_SWEEP = timedelta(minutes=1)


class Cluster(Protocol):
    """What the keeper needs of a cluster."""

    def create(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Create an object."""

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """Read an object; None if it is not there."""

    def list(self, api_version: str, kind: str, namespace: str | None = None, label_selector: str | None = None) -> list[dict[str, Any]]:
        """List objects."""

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> bool:
        """Delete an object; False if it was not there."""


class Keeper:
    """Keeps the bindings of one plane."""

    def __init__(self, where: Place, cluster: Callable[[], Cluster], say: Callable[[str], object]) -> None:
        self._where, self._cluster, self._say = where, cluster, say
        self._done: set[str] = set()
        self._swept: datetime | None = None
        self._broken: set[str] = set()

    def round(self, now: datetime) -> None:
        """Look at every grant once, and now and then at every binding.

        Raises:
            ApiError: the API server refused what it never should.
            UnreachableError: it did not answer.
        """
        found, broken = records(self._where)
        for line in sorted({*broken} - self._broken):
            self._say(f"no grant is read from {line}")
        self._broken = {*broken}
        for one in found:
            if one.closed:
                self._done.add(one.grant.id)
            elif one.grant.id not in self._done:
                self._one(one, now)
        if self._swept is None:
            self._swept = now  # a plane that starts has other things to do
        elif now - self._swept >= _SWEEP:
            clear(self._where, now)
            self._sweep({one.grant.name for one in found if one.stands(now)})
            self._swept = now

    def _one(self, one: Record, now: datetime) -> None:
        """Open, watch or close one grant."""
        if not one.stands(now):
            self._close(one, now, "revoked" if one.revoked else "ended")
        elif not one.opened:
            self._open(one, now)
        elif self._cluster().get(_RBAC, _BINDING, one.grant.name, one.grant.namespace) is None:
            self._close(one, now, "removed")

    def _open(self, one: Record, now: datetime) -> None:
        """Bind the role; what the API server refuses is closed with its words."""
        grant = one.grant
        try:
            self._cluster().create(grant.binding())
        except ApiError as error:
            if error.status != 409:
                self._close(one, now, f"refused: {error}")
                return
        write_state(self._where, grant.id, {"opened": _text(now)})
        self._tell(grant, now, "BreakGlassOpened", f"{grant.user} has {grant.kind} until {_text(grant.ends)}: {grant.reason}")

    def _close(self, one: Record, now: datetime, why: str) -> None:
        """Unbind the role and take the kubeconfig away; only then it is closed."""
        grant = one.grant
        self._cluster().delete(_RBAC, _BINDING, grant.name, grant.namespace)
        kubeconfig_of(self._where, grant.id).unlink(missing_ok=True)
        write_state(self._where, grant.id, {"opened": one.opened, "closed": _text(now), "why": why})
        self._done.add(grant.id)
        self._tell(grant, now, "BreakGlassClosed", f"{grant.user} has {grant.kind} no more: {why}")

    def _sweep(self, standing: set[str]) -> None:
        """Remove bindings that carry our label and that no standing grant is behind."""
        for binding in self._cluster().list(_RBAC, _BINDING, label_selector=_SELECTOR):
            metadata = binding["metadata"]
            if metadata["name"] not in standing:
                self._cluster().delete(_RBAC, _BINDING, metadata["name"], metadata["namespace"])
                self._say(f"removed {metadata['namespace']}/{metadata['name']}: no grant stands behind it")

    def _tell(self, grant: Grant, now: datetime, reason: str, message: str) -> None:
        """Say it in the log and as a warning among the namespace's events; an event that cannot be made stops nothing."""
        self._say(f"{grant.id} {reason}: {message}")
        about = {"apiVersion": _RBAC, "kind": _BINDING, "name": grant.name, "namespace": grant.namespace}
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{grant.name}.{reason.lower()}", "namespace": grant.namespace},
            "involvedObject": about,
            "type": "Warning",
            "reason": reason,
            "message": message[:1024],
            "source": {"component": "sovereign-ai-operator"},
            "firstTimestamp": _text(now, zulu=True),
            "lastTimestamp": _text(now, zulu=True),
            "count": 1,
        }
        with suppress(ApiError):
            self._cluster().create(event)


def _text(moment: datetime, *, zulu: bool = False) -> str:
    """Write a moment to the second."""
    text = moment.astimezone(UTC).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z") if zulu else text

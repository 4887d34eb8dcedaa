"""The keeper of break-glass bindings: a binding exists while its grant is open, and is removed at its end.

A binding that somebody else removed is not restored: whoever takes access away is right. One that gives
something else than was agreed, to whomever, is removed and ends the grant. A binding with the label of
break-glass access and without an open grant is removed. Each step can be repeated after a crash.
While the API server does not answer nothing changes, and the next round tries anew; the person's certificate
ends by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sovereign_ai.cluster import ClusterDir
from sovereign_ai.cluster.api import ApiError
from sovereign_ai.operate.grants import LABELS, AccessGrant
from sovereign_ai.operate.records import (
    GrantRecord,
    kubeconfig_of,
    note_since,
    read_records,
    remove_old_kubeconfigs,
    write_state,
)

_RBAC, _BINDING = "rbac.authorization.k8s.io/v1", "RoleBinding"
_SELECTOR = ",".join(f"{key}={value}" for key, value in LABELS.items())
_SWEEP = timedelta(minutes=1)
_CONFLICT = 409
_LONGEST_MESSAGE = 1024
"""Letters of an event's message (Kubernetes, core/v1 Event validation)."""


class GrantCluster(Protocol):
    """The calls that the keeper makes to a cluster."""

    def create(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Create an object."""

    def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        """Read an object; None if it is not there."""

    def list(
        self, api_version: str, kind: str, namespace: str | None = None, label_selector: str | None = None
    ) -> list[dict[str, Any]]:
        """List objects."""

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> bool:
        """Delete an object; False if it was not there."""


class Keeper:
    """Keeps the bindings of one control plane."""

    def __init__(
        self, cluster_dir: ClusterDir, cluster: Callable[[], GrantCluster], say: Callable[[str], object]
    ) -> None:
        """Prepare; nothing is done yet.

        Args:
            cluster_dir: the control plane's folder.
            cluster: returns the cluster; called when it is needed first.
            say: called with a line for the log.
        """
        self._cluster_dir, self._cluster, self._say = cluster_dir, cluster, say
        self._done: set[str] = set()
        self._swept: datetime | None = None
        self._broken: set[str] = set()

    def round(self, now: datetime) -> None:
        """Look at every grant once, and once a minute at every binding.

        Raises:
            ApiError: the API server refused what it never should.
            UnreachableError: it did not answer.
        """
        if self._swept is None:
            note_since(self._cluster_dir, now)
        current, broken = read_records(self._cluster_dir)
        for line in sorted({*broken} - self._broken):
            self._say(f"no grant is read from {line}")
        self._broken = {*broken}
        for record in current:
            if record.closed:
                self._done.add(record.grant.id)
            elif record.grant.id not in self._done:
                self._keep(record, now)
        if self._swept is None:
            # Not in the first round: a control plane that starts has other things to do.
            self._swept = now
        elif now - self._swept >= _SWEEP:
            remove_old_kubeconfigs(self._cluster_dir, now)
            self._sweep({record.grant.name for record in current if record.is_active(now)})
            self._swept = now

    def _keep(self, record: GrantRecord, now: datetime) -> None:
        """Open, watch or close one grant."""
        grant = record.grant
        if not record.is_active(now):
            self._close(record, now, record.end_at(now))
        elif not record.opened:
            self._open(record, now)
        elif lost := self._change_of(grant):
            self._close(record, now, lost)

    def _change_of(self, grant: AccessGrant) -> str:
        """Return what happened to the binding of an open grant; empty while it is as it was made."""
        live = self._cluster().get(_RBAC, _BINDING, grant.name, grant.namespace)
        if live is None:
            return "removed"
        agreed = grant.binding()
        is_as_agreed = live.get("roleRef") == agreed["roleRef"] and live.get("subjects") == agreed["subjects"]
        return "" if is_as_agreed else "changed"

    def _open(self, record: GrantRecord, now: datetime) -> None:
        """Bind the role; a grant whose binding the API server refuses is closed with the server's reason."""
        grant = record.grant
        try:
            self._cluster().create(grant.binding())
        except ApiError as error:
            # A crash between the binding and its record left the binding.
            if error.status != _CONFLICT:
                self._close(record, now, f"refused: {error}")
                return
            if lost := self._change_of(grant):
                self._close(record, now, lost)
                return
        write_state(self._cluster_dir, grant.id, {"opened": _text(now)})
        message = f"{grant.user} has {grant.kind} until {_text(grant.ends)}: {grant.reason}"
        self._record_event(grant, now, "BreakGlassOpened", message)

    def _close(self, record: GrantRecord, now: datetime, why: str) -> None:
        """Unbind the role and remove the kubeconfig; only then the grant is closed."""
        grant = record.grant
        self._cluster().delete(_RBAC, _BINDING, grant.name, grant.namespace)
        kubeconfig_of(self._cluster_dir, grant.id).unlink(missing_ok=True)
        # Last: after a crash before it, the next round closes the grant anew.
        state = {"opened": record.opened, "closed": _text(now), "why": why}
        write_state(self._cluster_dir, grant.id, state)
        self._done.add(grant.id)
        self._record_event(grant, now, "BreakGlassClosed", f"{grant.user} has {grant.kind} no more: {why}")

    def _sweep(self, open_names: set[str]) -> None:
        """Remove bindings that have the label of break-glass access and no open grant."""
        for binding in self._cluster().list(_RBAC, _BINDING, label_selector=_SELECTOR):
            metadata = binding["metadata"]
            if metadata["name"] not in open_names:
                self._cluster().delete(_RBAC, _BINDING, metadata["name"], metadata["namespace"])
                self._say(f"removed {metadata['namespace']}/{metadata['name']}: it has no open grant")

    def _record_event(self, grant: AccessGrant, now: datetime, reason: str, message: str) -> None:
        """Report a change in the log, and in a warning event of the namespace."""
        self._say(f"{grant.id} {reason}: {message}")
        binding = {"apiVersion": _RBAC, "kind": _BINDING, "name": grant.name, "namespace": grant.namespace}
        # The name has no time in it: after a crash the same change is reported once.
        name = f"{grant.name}.{reason.lower()}"
        moment = _text(now, zulu=True)
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": grant.namespace},
            "involvedObject": binding,
            "type": "Warning",
            "reason": reason,
            "message": message[:_LONGEST_MESSAGE],
            "source": {"component": "sovereign-ai-operator"},
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }
        # An event that is refused must not keep access open.
        with suppress(ApiError):
            self._cluster().create(event)


def _text(moment: datetime, *, zulu: bool = False) -> str:
    """Return a moment to the second, in ISO 8601; with `zulu`, with the suffix that Kubernetes writes."""
    text = moment.astimezone(UTC).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z") if zulu else text

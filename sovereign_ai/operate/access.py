"""Break-glass access on a local control plane: granted, and ended early.

Access is a client certificate that ends with the access, for a user of that one grant, and a binding that the
operator makes and removes. The certificate proves the caller's identity and gives no right; without the
binding it permits nothing. So removing the binding ends access at once, and the certificate's own end holds
where nothing runs any more.

The kubeconfig is written before the grant, so that whoever closes the grant can remove it. A kubeconfig that
a crash between both left permits nothing, and the operator removes it once its certificate has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from sovereign_ai.cluster import (
    CLUSTER_CA,
    ClusterDir,
    Leaf,
    authority,
    kubeconfig,
    recorded_ports,
    server_url,
    sign,
)
from sovereign_ai.cluster.embedded import status_of
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.operate.grants import AccessGrant
from sovereign_ai.operate.records import (
    GrantRecord,
    folder_of,
    grant_record,
    kept_since,
    read_records,
    write_grant,
    write_kubeconfig,
    write_revoked,
)
from sovereign_ai.toolchain import polling, wait_until

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 30.0
_RESTART_SECONDS = 20.0
"""How long an operator that is not healthy is waited for: the supervisor restarts it within that."""


def require_operator(cluster_dir: ClusterDir, restart: str = "") -> None:
    """Check that a local control plane runs, and its operator too.

    Args:
        cluster_dir: the control plane's folder.
        restart: how to restart its operator; left out, as on an embedded control plane.

    Raises:
        EnvironmentLacksError: one of them does not run.
    """
    status = status_of(cluster_dir)
    if status.phase == "absent":
        message = f"there is no local control plane called {cluster_dir.name!r}"
        hint = "on any other cluster, its own identity provider grants and ends access"
        raise EnvironmentLacksError(Problem("no-cluster", message, hint=hint))
    # Under a supervisor it may be restarting, or have missed probes on a busy host: seconds later it is back.
    patience = 0.0 if status.supervisor is None else _RESTART_SECONDS
    if not wait_until(partial(_operator_runs, cluster_dir), patience):
        hint = restart or f"`sovereign-ai cluster up {cluster_dir.name}`"
        log = cluster_dir.log("operator")
        if log.exists():
            hint += f"; its log: {log}"
        message = "the operator does not run, and nothing would end the access"
        raise EnvironmentLacksError(Problem("no-operator", message, hint=hint))


def _operator_runs(cluster_dir: ClusterDir) -> bool:
    """Return whether a control plane's operator is healthy, under a supervisor, beside an API server."""
    status = status_of(cluster_dir)
    are_healthy = [component.healthy for component in status.components if component.name == "operator"]
    # A control plane that starts has no port of its API server yet.
    has_server = "kube-apiserver" in recorded_ports(cluster_dir)
    return status.supervisor is not None and has_server and are_healthy == [True]


def require_unused(cluster_dir: ClusterDir, grant: AccessGrant) -> None:
    """Refuse an approval that may have been used already.

    A control plane knows the approvals that were used on it by its own folder. One from before that folder
    may have been used on a plane of the same name that is gone, and be recorded in another log.

    Raises:
        EnvironmentLacksError: the operator has not said since when the folder has all of them.
        UsageError: the approval is from before.
    """
    since = kept_since(cluster_dir)
    if since is None:
        message = f"nobody noted since when {folder_of(cluster_dir)} has all approvals that were used"
        hint = "restart the control plane: its operator notes it when it starts, for approvals from then on"
        raise EnvironmentLacksError(Problem("no-since", message, hint=hint))
    if grant.agreed_at < since:
        message = (
            f"approval {grant.id} is from before {since.isoformat()}: what was used until then is not known"
        )
        hint = "have it approved once more"
        raise UsageError(Problem("access-used", message, hint=hint))


def grant_access(
    cluster_dir: ClusterDir, grant: AccessGrant, now: Callable[[], datetime]
) -> tuple[GrantRecord, Path]:
    """Grant access, and wait until the operator has opened it.

    Args:
        cluster_dir: the folder of a control plane that runs.
        grant: the grant.
        now: returns the current moment, UTC.

    Returns:
        The grant's record, and the person's kubeconfig, which is removed with the access.

    Raises:
        EnvironmentLacksError: the operator did not open it in time; the grant is ended.
        DeploymentError: the API server refused the binding.
        KeyboardInterrupt: a person interrupted the wait; the grant is ended.
    """
    leaf = Leaf("", grant.user, client=True)
    pair = sign(authority(cluster_dir.pki, CLUSTER_CA), leaf, grant.ends - now())
    server = server_url(recorded_ports(cluster_dir)["kube-apiserver"])
    path = write_kubeconfig(cluster_dir, grant.id, kubeconfig(cluster_dir, grant.user, server, pair))
    try:
        write_grant(cluster_dir, grant)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    try:
        opened = _wait(cluster_dir, grant.id, lambda current: bool(current.opened or current.closed))
    except BaseException:
        # Above all a person's Ctrl-C: a caller who got no answer has no access either.
        write_revoked(cluster_dir, grant.id, "giving it was interrupted", now())
        path.unlink(missing_ok=True)
        raise
    if opened is None:
        # Revoked before anything else: the operator may start in the next moment and open it.
        write_revoked(cluster_dir, grant.id, "it was not opened in time", now())
        path.unlink(missing_ok=True)
        hint = f"its log: {cluster_dir.log('operator')}"
        raise EnvironmentLacksError(Problem("not-opened", "the operator did not open it in time", hint=hint))
    if opened.closed:
        path.unlink(missing_ok=True)
        hint = "the message names what refused it"
        raise DeploymentError(Problem("not-opened", f"it was closed: {opened.why}", hint=hint))
    return opened, path


def end_access(cluster_dir: ClusterDir, id_: str, why: str, now: Callable[[], datetime]) -> GrantRecord:
    """End access early, and wait until the operator has closed it.

    Args:
        cluster_dir: the folder of a control plane that runs.
        id_: the grant's id.
        why: the reason of its end.
        now: returns the current moment, UTC.

    Raises:
        UsageError: there is no such grant, it is closed, or no reason is given.
        EnvironmentLacksError: the operator did not close it in time; it will when it can.
    """
    if not why.strip():
        hint = "state in one line why it ends"
        raise UsageError(Problem("bad-access", "the end needs a reason too", Where(field="reason"), hint))
    before = grant_record(cluster_dir, id_)
    if before.closed:
        message = f"grant {id_} was closed at {before.closed}: {before.why}"
        raise UsageError(Problem("access-closed", message, hint="nothing is left to end"))
    write_revoked(cluster_dir, id_, why, now())
    closed = _wait(cluster_dir, id_, lambda current: bool(current.closed))
    if closed is None:
        hint = f"it closes it as soon as it can; its log: {cluster_dir.log('operator')}"
        raise EnvironmentLacksError(Problem("not-closed", "the operator did not close it in time", hint=hint))
    return closed


def _wait(cluster_dir: ClusterDir, id_: str, holds: Callable[[GrantRecord], bool]) -> GrantRecord | None:
    """Wait until a condition holds for the record of a grant; None if it does not in time."""
    for _ in polling(_PATIENCE_SECONDS, _POLL_SECONDS):
        current, _ = read_records(cluster_dir)
        for candidate in current:
            if candidate.grant.id == id_ and holds(candidate):
                return candidate
    return None

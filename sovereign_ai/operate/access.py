"""Giving, ending and showing break-glass access on a plane of ours.

Access is a client certificate that ends with it, for a user of that one grant, and a binding that the operator
makes and removes. The certificate proves who calls and gives no right; without the binding it opens nothing, so
taking the binding away ends access at once, and the certificate's own end holds where nothing runs any more.

The kubeconfig is written before the grant, so that whoever closes the grant finds it and takes it away. What a crash
between both leaves opens nothing, and the operator removes it once its certificate has ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sovereign_ai.cluster.identities import CLUSTER_CA, kubeconfig, server_url
from sovereign_ai.cluster.pki import Leaf, authority, sign
from sovereign_ai.cluster.state import Place, recorded_ports
from sovereign_ai.cluster.status import status_of
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.operate.grants import Grant
from sovereign_ai.operate.records import Record, record, records, write_grant, write_kubeconfig, write_revoked

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 15.0


def ours(where: Place, again: str = "") -> None:
    """Insist on a plane of ours that runs, its operator too.

    Args:
        where: the plane.
        again: how its operator comes to run again; left out, as on an embedded plane.

    Raises:
        EnvironmentLacksError: it does not.
    """
    seen = status_of(where)
    if seen.phase == "absent":
        hint = "on a cluster that is not ours, its own identity provider gives and ends access"
        raise EnvironmentLacksError(Problem("no-cluster", f"there is no control plane of ours called {where.name!r}", hint=hint))
    operator = next((one for one in seen.components if one.name == "operator"), None)
    known = "kube-apiserver" in recorded_ports(where)
    if seen.supervisor is None or operator is None or not operator.healthy or not known:
        log = where.log("operator")
        hint = (again or f"`sovereign-ai cluster up {where.name}`") + (f"; its log: {log}" if log.exists() else "")
        raise EnvironmentLacksError(Problem("no-operator", "the operator does not run, and nothing would end the access", hint=hint))


def give(where: Place, grant: Grant, now: Callable[[], datetime]) -> tuple[Record, Path]:
    """Give access, and wait until the operator has opened it.

    Args:
        where: the plane, which runs.
        grant: what is given.
        now: gives the moment that counts, UTC.

    Returns:
        What became of it, and the person's kubeconfig, which is removed with the access.

    Raises:
        EnvironmentLacksError: the operator did not open it in time; the grant is ended.
        DeploymentError: the API server refused the binding.
        KeyboardInterrupt: a person ended it while it waited; the grant is ended.
    """
    pair = sign(authority(where.pki, CLUSTER_CA), Leaf("", grant.user, client=True), grant.ends - now())
    config = kubeconfig(where, grant.user, server_url(recorded_ports(where)["kube-apiserver"]), pair)
    path = write_kubeconfig(where, grant.id, config)
    try:
        write_grant(where, grant)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    try:
        found = _wait(where, grant.id, lambda one: bool(one.opened or one.closed))
    except BaseException:  # above all a person's Ctrl-C: who got no answer has no access either
        write_revoked(where, grant.id, "giving it was interrupted", now())
        path.unlink(missing_ok=True)
        raise
    if found is None:
        write_revoked(where, grant.id, "it was not opened in time", now())
    if found is None or found.closed:
        path.unlink(missing_ok=True)
    if found is None:
        raise EnvironmentLacksError(Problem("not-opened", "the operator did not open it in time", hint=f"its log: {where.log('operator')}"))
    if found.closed:
        raise DeploymentError(Problem("not-opened", f"it was closed again: {found.why}", hint="the message names what refused it"))
    return found, path


def take(where: Place, id_: str, why: str, now: Callable[[], datetime]) -> Record:
    """End access early, and wait until the operator has closed it.

    Args:
        where: the plane, which runs.
        id_: the grant's id.
        why: why it ends.
        now: gives the moment that counts, UTC.

    Raises:
        UsageError: there is no such grant, it is closed, or no reason is given.
        EnvironmentLacksError: the operator did not close it in time; it will when it can.
    """
    if not why.strip():
        raise UsageError(Problem("bad-access", "the end needs a reason too", Where(field="reason"), "say in one line why it ends"))
    before = record(where, id_)
    if before.closed:
        raise UsageError(
            Problem("access-closed", f"grant {id_} was closed at {before.closed}: {before.why}", hint="nothing is left to end")
        )
    write_revoked(where, id_, why, now())
    found = _wait(where, id_, lambda one: bool(one.closed))
    if found is None:
        hint = f"it closes it as soon as it can; its log: {where.log('operator')}"
        raise EnvironmentLacksError(Problem("not-closed", "the operator did not close it in time", hint=hint))
    return found


def _wait(where: Place, id_: str, holds: Callable[[Record], bool]) -> Record | None:
    """Wait for what the operator does with a grant; None if it does not."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = next((one for one in records(where)[0] if one.grant.id == id_), None)
        if found is not None and holds(found):
            return found
        time.sleep(_POLL_SECONDS)
    return None

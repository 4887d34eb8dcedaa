"""The steps on a cluster before the engine changes an object, in this order.

1. The cluster is recognised, and no object of anybody else has a planned name (`preconditions.py`).
2. The local control plane gets the keys and policies of the new description (`control_plane_setup.py`).
3. Real nodes that leave a pool or become other machines are drained, and those that have come to theirs
   uncordoned (`departures.py`, `drain.py`).
4. Objects that the description no longer contains are deleted, under the policies that permitted them; first
   those whose definition leaves, while the controller still runs that lets them go (`definitions.py`).
5. The new admission policies come into force, before any object that only they permit is written. Pods that
   wait with the old name of their zone are made again (`waiting_work.py`).
6. Namespaces enter their new zones, with their network policies closed until they are there
   (`zone_moves.py`).
7. Definitions of kinds are written and served, before any object of their kind is.
8. Objects of which a field cannot be changed are recreated, under the new policies (`replacement.py`).

So at no moment is more permitted than by the old or the new description. The steps are part of the program,
and not of a command, so that a plain `pulumi up` keeps the same order. Each step can be repeated: the next
run completes one that was killed anywhere. A program declares its resources during the last four, and
registers them only after these.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sovereign_ai.cluster.api import Snapshot, open_cluster
from sovereign_ai.deploy.components.policies_lock import lock_policies, wait_for_command
from sovereign_ai.deploy.control_plane_setup import prepare_control_plane
from sovereign_ai.deploy.definitions import define, remove_custom
from sovereign_ai.deploy.enforcement import apply_policies, differing_policies, enforce
from sovereign_ai.deploy.live_objects import ObjectKey, key_of
from sovereign_ai.deploy.moves.departures import arrivals, departing
from sovereign_ai.deploy.moves.drain import drain, uncordon
from sovereign_ai.deploy.moves.renames import planned_renames
from sovereign_ai.deploy.moves.waiting_work import renew_waiting
from sovereign_ai.deploy.moves.zone_moves import move_between_zones
from sovereign_ai.deploy.preconditions import Checked, check_preconditions, claim_cluster, require_approval
from sovereign_ai.deploy.reading import reading_of
from sovereign_ai.deploy.removal.decision import remove_holders
from sovereign_ai.deploy.removal.replacement import replace
from sovereign_ai.deploy.removal.withdrawal import withdraw, withdrawn
from sovereign_ai.deploy.stack_deployment import StackDeployment
from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError, Where
from sovereign_ai.plan import Plan
from sovereign_ai.render.kubernetes import Bundle
from sovereign_ai.spec import AIFactory


def begin_preparation(
    factory: AIFactory,
    plan: Plan,
    bundle: Bundle,
    kubeconfig: Path,
    deployment: StackDeployment,
    progress: Callable[[str], object],
    *,
    reading: Snapshot | None = None,
    run: Path | None = None,
) -> Callable[[], None]:
    """Prepare a cluster so that all changes of the engine are permitted, and none permits too much.

    This takes the steps before the new policies, and returns a function that takes the others. An API server
    takes seconds to enforce new policies. A program can declare its resources meanwhile, as long as none is
    registered before that function has returned.

    Args:
        factory: the new description.
        plan: its plan.
        bundle: the objects that are about to be deployed.
        kubeconfig: the cluster's kubeconfig.
        deployment: the stack that deploys them.
        progress: called with a line for each thing done, by the returned function, too.
        reading: the cluster, as other checks have read it a moment ago; left out, that of the file's current
            context.
        run: folder of the working copy, where a command runs the engine that runs this.

    Returns:
        A function for the other steps, which raises the same.

    Raises:
        DeploymentError: a pod or a namespace does not go, or a policy does not come into force.
        EnvironmentLacksError: it is another cluster, objects of others have planned names, the guard of the
            policies was not accepted, or a key cannot be created.
        ApiError: the API server refused a write.
        UnreachableError: there was no answer.
    """
    reading = reading or reading_of(open_cluster(kubeconfig), bundle.objects)
    api = reading.api
    checked = _prove(reading, factory, plan, bundle, deployment, progress)
    # What the command has written since is not in the reading.
    policies = api if wait_for_command(run) else reading
    for line in prepare_control_plane(factory, plan, bundle, kubeconfig):
        progress(line)
    nodes = reading.list("v1", "Node")
    leaving = departing(reading, factory, plan, bundle, checked.renames)
    drain(api, leaving, progress)
    uncordon(api, arrivals(nodes, factory.name, plan, bundle.cluster, leaving), progress)
    remove_custom(api, checked.leaving, progress)
    withdraw(api, withdrawn(reading, bundle.objects, factory.name), progress)
    remove_holders(api, checked.orphans, progress)

    def finish() -> None:
        enforce(api, bundle.objects, progress, live=policies)
        renew_waiting(api, bundle.objects, progress)
        move_between_zones(api, bundle.objects, progress, live=reading)
        define(api, bundle.objects, progress)
        replaced = [obj for obj in bundle.objects if key_of(obj) in checked.replaces]
        replace(api, replaced, progress)

    return finish


@contextmanager
def applying_policies(
    factory: AIFactory,
    plan: Plan,
    bundle: Bundle,
    kubeconfig: Path,
    checked: Checked,
    reading: Snapshot,
    require_hold: Callable[[], object],
    run: Path,
) -> Iterator[None]:
    """Apply the policies in the background of a block in which the engine runs, if no step must precede.

    An API server takes seconds to enforce a new policy, and an engine takes as long to start its program.
    The preparation, which the program runs, does the same and waits for the effect; most of that time has
    passed by then. A failure here is ignored: the preparation waits for the end of this, meets it too, and
    reports it.

    Args:
        factory: the new description.
        plan: its plan.
        bundle: the objects that are about to be deployed.
        kubeconfig: the cluster's kubeconfig.
        checked: the result of this command's checks, which has claimed the cluster.
        reading: the cluster, as those checks have read it.
        require_hold: called before each batch of writes; raises once this command no longer holds the stack.
        run: folder of the engine's working copy.

    Raises:
        OSError: a file cannot be made in it.
        ApiError: the API server refused to list what exists.
        UnreachableError: there was no answer.
    """
    # Objects that leave are deleted under the policies that permitted them, so the preparation has to do
    # first.
    is_first = not (
        departing(reading, factory, plan, bundle, checked.renames)
        or checked.replaces
        or withdrawn(reading, bundle.objects, factory.name)
    )
    if not is_first or not differing_policies(reading, bundle.objects):
        yield
        return
    ended = threading.Event()
    lock = lock_policies(run)

    def apply() -> None:
        try:
            with contextlib.suppress(SovereignError):
                prepare_control_plane(factory, plan, bundle, kubeconfig)
                if not ended.is_set():
                    apply_policies(reading.api, bundle.objects, live=reading, before_batch=require_hold)
        finally:
            os.close(lock)

    thread = threading.Thread(target=apply, name="policies")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        # Nothing may be written once the stack is released.
        thread.join()


def _prove(
    reading: Snapshot,
    factory: AIFactory,
    plan: Plan,
    bundle: Bundle,
    deployment: StackDeployment,
    progress: Callable[[str], object],
) -> Checked:
    """Make the checks before the first write, record the cluster, and return the result.

    Raises:
        EnvironmentLacksError: a check failed.
    """
    checked = check_preconditions(reading, bundle.objects, deployment)
    if checked.cluster.remade:
        # A command records the new cluster before it starts the engine, with a refresh. So this is a plain
        # Pulumi.
        hint = "`sovereign-ai up` creates them again; so does `pulumi up` after `pulumi refresh`"
        raise EnvironmentLacksError(Problem("cluster-remade", checked.cluster.line, hint=hint))
    require_approval(checked)
    if checked.superseded:
        # A command drops them from the state before it starts the engine. So this is a plain Pulumi.
        reason = "it has another form now, and this deployment would delete it after writing it"
        hint = "`sovereign-ai up` writes it and keeps it; so does `pulumi up` after `pulumi state delete`"
        raise _refusal("superseded", dict.fromkeys(checked.superseded, reason), hint)
    if checked.kept:
        # The same for a plain Pulumi, which would delete every queue and every workload.
        reason = "this deployment would delete it, and the control plane needs it for its queues"
        hint = "`sovereign-ai up` keeps it; so does `pulumi up` after `pulumi state delete`"
        raise _refusal("definition-leaves", dict.fromkeys(checked.kept, reason), hint)
    if checked.left:
        reasons = {}
        for key, whose in sorted(checked.left.items()):
            reasons[key] = f"this deployment would delete it, which {whose}"
        hint = "`sovereign-ai up` leaves them and drops them from the state; so does `pulumi state delete`"
        raise _refusal("object-not-ours", reasons, hint)
    for line in checked.lines_for(factory):
        progress(line)
    renames = planned_renames(reading, bundle.objects, factory, plan, bundle.cluster, checked.renames)
    # The labels are written through the snapshot, which then drops what it has read.
    claim_cluster(reading, checked, deployment, renames)
    return checked


def _refusal(code: str, reasons: Mapping[ObjectKey, str], hint: str) -> EnvironmentLacksError:
    """Return the refusal of a deployment for what it would do to some objects, a problem for each.

    Args:
        code: the code of the problems.
        reasons: object to what is wrong with it.
        hint: what to do instead.
    """
    problems = []
    for key, reason in reasons.items():
        problems.append(Problem(code, reason, Where(field=str(key)), hint))
    return EnvironmentLacksError(problems)

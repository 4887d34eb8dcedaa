"""One round of the repair controller: observe, decide, write, report.

Cordons come first, and without counting pods: whatever else a round has to do, no new pod goes to a machine
with a fault. `cordon` does that alone, as often as a watch reports something (`loop.py`).

Every write to a Node names the resourceVersion that it was decided on: where anybody changed the Node since,
the server refuses it, and the next round decides anew. So two controllers at a time, or a controller and a
person, never overwrite each other. Where nothing that decisions read of the Node has changed, as by a taint
of the node controller, it is written at once on the version that was looked at. A lease keeps a second copy
from working in vain. It is renewed while a round lasts: one of many machines may take longer than a lease,
and a process may be stopped in it and go on much later. What such a copy has decided is void as soon as
another one leads.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import starmap
from typing import Any

from sovereign_ai.cluster import (
    CORDON_OWNER,
    StalePlacement,
    cut_grace,
    evict_pod,
    evictable_pods,
    find_stale_placements,
    is_ending,
    is_recreated,
    requested_evictions,
)
from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import SYSTEM_NAMESPACE
from sovereign_ai.operate.repair.decide import Act, Cordon, Decision, Machine, Policy, gpus_to_reset
from sovereign_ai.operate.repair.gpu_holders import spared_pods
from sovereign_ai.operate.repair.held_pods import cut_pods, held_pods, held_text, list_budgets, requested_pods
from sovereign_ai.operate.repair.holder import HOLDER_PROCESS, has_ended, own_process
from sovereign_ai.operate.repair.policies import Policies, one_policy
from sovereign_ai.operate.repair.record import (
    ANNOTATION,
    CONTROLLER,
    HOLD,
    REPAIRS,
    REPLACES,
    read_moment,
    read_record,
    write_repairs,
)
from sovereign_ai.operate.repair.view import (
    FATAL_CONDITIONS,
    SPARE,
    Place,
    PodCount,
    PodCounter,
    PodCounts,
    View,
    count_pods,
    list_claims,
    list_reports,
    observe_reports,
)
from sovereign_ai.operate.repair.watched import WatchedCluster, decision_basis

_MERGE = "application/merge-patch+json"
_NOT_FOUND, _CONFLICT = 404, 409
_NODE = "/api/v1/nodes/{}"
_LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM_NAMESPACE}/leases"
_CORDONS_AT_ONCE, _AT_ONCE = 16, 8
"""Requests at a time: of cordons enough for a storm within a second, of all else few beside them."""
_OUTDATED = "the Node changed in the meantime"
_LED = "another copy leads by now"
_MOST_EVENTS = 10_000
"""Events that wait until they are told; of more, the oldest are dropped, since the records have all of it."""
_LONGEST_MESSAGE = 1024
"""Letters of an event's message (Kubernetes, core/v1 Event validation)."""
_BETWEEN_LOOKS = timedelta(seconds=10)
"""Between two looks for pods that hold machines by an earlier admission: with thousands of pods that wait for
something else, each is a list of them."""
LEASE = timedelta(seconds=15)
"""How long a controller that died keeps the lease: what Kubernetes' own controllers take by default."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_RENEW = LEASE / 3
"""After how long a lease is renewed while a round lasts."""


@frozen_dataclass
class Done:
    """A decision, and what came of it.

    Attributes:
        decision: the decision.
        refused: why it was not carried out; empty if it was.
        note: which pods of a drain get less time to end than they are to have; empty for none.
    """

    decision: Decision
    refused: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """What an event of it says."""
        return "; ".join(filter(None, (self.refused or self.decision.reason, self.note)))


class RepairController:
    """Repairs the machines of one cluster.

    Attributes:
        leader: who had the lease in the last round: this copy's identity, or another one's; empty before.
    """

    def __init__(
        self,
        api: Api,
        placed: Mapping[str, Place],
        policy: Policy | Policies,
        identity: str,
        watched: WatchedCluster | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            api: the cluster.
            placed: its machines, by name.
            policy: how they are repaired: all alike, or by groups.
            identity: this copy's name in the lease.
            watched: what the cluster reports, kept by watches; left out, it is listed in each round.
            clock: seconds that pass while a round lasts, also while its process is stopped.
        """
        self._api, self._placed, self._identity = api, placed, identity
        self._policies = policy if isinstance(policy, Policies) else one_policy(policy)
        self._watched = watched
        self._count_pods = PodCounter(api, clock)
        self._reported: dict[str, tuple[Act, str]] = {}
        self._unreported: deque[Callable[[], None]] = deque(maxlen=_MOST_EVENTS)
        self._telling, self._cordoning = threading.Lock(), threading.Lock()
        self._leads_until = self._looked = _NEVER
        self._clock, self._renewing = clock, threading.Lock()
        self._renewed = 0.0
        self.leader = ""

    def plan(self, now: datetime) -> tuple[Decision, ...]:
        """Return what a round would do; nothing is written.

        Raises:
            ApiError: the API server refused.
            UnreachableError: there was no answer.
        """
        view = self._observe(now, partial(count_pods, self._api))
        stale = [_freed(each) for each in self._stale_placements(view, now)]
        return (*self._policies.decide(view.machines, now), *stale)

    def round(self, now: datetime) -> tuple[Done, ...]:
        """Do one round.

        Returns:
            Each decision with what came of it; empty where another copy has the lease.

        Raises:
            ApiError: the API server refused what it never should.
            UnreachableError: there was no answer.
        """
        with self._renewing:
            if not self._lead(now):
                return ()
        done = self._cordon(now)
        cordoned = {each.decision.machine for each in done}
        view = self._observe(now, self._count_pods)
        decisions = []
        for decision in self._policies.decide(view.machines, now):
            # What was just cordoned is drained in the next round: a pod that was on its way to it has come.
            if decision.act is not Act.CORDON and decision.machine not in cordoned:
                decisions.append(decision)
        done += self._carry_out_all(view, decisions, now, _AT_ONCE)
        done += self._free_machines(view, now)
        self._note(view, done, now)
        self._send_events()
        return done

    def cordon(self, now: datetime) -> tuple[Done, ...]:
        """Cordon machines whose faults are new; for another thread than that of the rounds.

        Returns:
            Each cordon with what came of it; empty where this copy did not lead in the last round.

        Raises:
            ApiError: the API server refused what it never should.
            UnreachableError: there was no answer.
        """
        return self._cordon(now) if now < self._leads_until else ()

    def _cordon(self, now: datetime) -> tuple[Done, ...]:
        """Cordon machines whose faults are new; the events of it are told in the next round."""
        with self._cordoning:
            # No pods are counted: a cordon does not depend on them, and other decisions are not taken here.
            view = self._observe(now, _uncounted)
            decisions = self._policies.decide(view.machines, now)
            cordons = [decision for decision in decisions if decision.act is Act.CORDON]
            done = self._carry_out_all(view, cordons, now, _CORDONS_AT_ONCE)
        self._note(view, done, now)
        return done

    def _observe(self, now: datetime, pods_on: PodCounts) -> View:
        """Return what the cluster reports of each machine now."""
        more, patience = self._policies.conditions_of, self._policies.patience
        if self._watched:
            reports = self._watched.reports()
        else:
            reports = list_reports(self._api, readiness=patience is not None)
        # A cordon depends on no pods, and must not wait for lists of them.
        holders = None if pods_on is _uncounted else self._holders
        return observe_reports(
            reports, self._placed, now, pods_on, more=more, patience=patience, holders=holders
        )

    def _holders(self, gpus: Mapping[str, Collection[int]]) -> dict[str, int]:
        """Return how many pods of machines hold some of their GPUs, where others may run on."""
        machines = list(filter(self._policies.spares_pods, gpus))
        claims = self._claims() if machines else []
        counts = {}
        for machine in machines:
            pods = evictable_pods(self._api, machine)
            counts[machine] = len(pods) - len(spared_pods(pods, claims, machine, gpus[machine]))
        return counts

    def _claims(self) -> list[dict[str, Any]]:
        """Return the resource claims; none where they may not be read, so that no pod with one is spared."""
        try:
            return list_claims(self._api)
        except ApiError:
            return []

    def _carry_out_all(
        self, view: View, decisions: Sequence[Decision], now: datetime, workers: int
    ) -> tuple[Done, ...]:
        """Carry out decisions side by side, at most so many at a time."""
        machines = view.by_name()
        calls = [partial(self._carry_out, view, machines[each.machine], each, now) for each in decisions]
        return tuple(self._api.many(calls, workers))

    def _carry_out(self, view: View, machine: Machine, decision: Decision, now: datetime) -> Done:
        """Carry out one decision; one that is refused is left to the next round, and stops no other."""
        try:
            if decision.is_written and not self._still_leads():
                return Done(decision, _LED)
            if decision.act is Act.EVICT:
                # Written first: whoever decides next counts this machine, however this one ends.
                if decision.record != machine.record:
                    self._write(view, machine, decision)
                gpus = gpus_to_reset(machine.faults) if machine.spared else ()
                return self._evict(decision, gpus, now)
            if decision.is_written:
                self._write(view, machine, decision)
        except ApiError as error:
            is_outdated = error.status == _CONFLICT
            return Done(decision, _OUTDATED if is_outdated else error.problems[0].message)
        return Done(decision)

    def _write(self, view: View, machine: Machine, decision: Decision) -> None:
        """Write one decision into its Node, on the resourceVersion that it was decided on.

        Where the Node has another one by now, and all that decisions read of it is as it was, it is written
        on that, once.

        Raises:
            ApiError: the API server refused; with a conflict where the Node changed since.
            UnreachableError: there was no answer.
        """
        node = view.nodes[decision.machine]
        try:
            written = self._patch(machine, node, decision)
        except ApiError as error:
            if error.status != _CONFLICT:
                raise
            # Controllers write taints and heartbeats to the same Node all the time. What the decision rests
            # on may be as it was; the lease has to be ours still, since this look took a while.
            live = self._api.request("GET", _NODE.format(decision.machine))
            if self._basis(live) != self._basis(node) or not self._still_leads():
                raise
            written = self._patch(machine, live, decision)
        if self._watched:
            self._watched.put(written)

    def _patch(self, machine: Machine, node: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
        """Write one decision into its Node as it was read.

        Raises:
            ApiError: the API server refused; with a conflict where the Node changed since.
            UnreachableError: there was no answer.
        """
        change = _change(machine, node, decision)
        change["metadata"]["resourceVersion"] = node["metadata"]["resourceVersion"]
        path, query = _NODE.format(decision.machine), {"fieldManager": CONTROLLER}
        return self._api.request("PATCH", path, change, query, _MERGE)

    def _basis(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what decisions read of a Node."""
        types = {*FATAL_CONDITIONS, *self._policies.conditions()}
        return decision_basis(node, types, readiness=self._policies.patience is not None)

    def _evict(self, decision: Decision, gpus: Collection[int], now: datetime) -> Done:
        """Request the eviction of a machine's pods; return which are held, by what, since when.

        One that is ending already is asked again where it would take longer than it may.

        Args:
            decision: the decision to drain the machine.
            gpus: the GPUs to reset, where pods without them run on; empty where all of its pods have to go.
            now: the moment: requests of others of which nobody shows a sign any more count no longer.
        """
        limit = self._policies.grace_of(decision.machine)
        began = decision.record.since if decision.record else now
        to_evict: list[dict[str, Any]] = []
        terminating: list[dict[str, Any]] = []
        for pod in self._leaving(decision.machine, gpus):
            # A pod that is being deleted was evicted in an earlier round, and ends within its grace period.
            if is_ending(pod) and cut_grace(pod, limit, began, now) is None:
                terminating.append(pod)
            else:
                to_evict.append(pod)
        # After the pods: those that were on it while it was drained may go, however late this goes on.
        if to_evict and not self._is_drained(decision):
            return Done(decision, _OUTDATED)
        requested = requested_evictions(self._api, to_evict, now)
        refused: dict[str, str] = {}
        held = []
        for pod in to_evict:
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            if name in requested:
                continue
            # Evicted, it would be lost: its owner has to end it, or a person.
            may_go = is_recreated(pod) or is_ending(pod)
            reason = self._evict_pod(pod, cut_grace(pod, limit, began, now)) if may_go else ""
            if may_go and not reason:
                terminating.append(pod)
            else:
                held.append(pod)
                refused[name] = reason
        explained = list(requested_pods(requested.values()))
        if held:
            explained += held_pods(held, list_budgets(self._api))
        for each in explained:
            refused.pop(each.pod, None)
        # What the budgets do not explain is told in the server's own words.
        unexplained = starmap("{}: {}".format, refused.items())
        text = "; ".join(filter(None, (held_text(explained), *unexplained)))
        return Done(decision, text, held_text([*cut_pods(terminating, limit, began, now)]))

    def _is_drained(self, decision: Decision) -> bool:
        """Return whether a machine is still drained as it was decided, and nobody holds it."""
        node = self._api.request("GET", _NODE.format(decision.machine))
        annotations = node["metadata"].get("annotations") or {}
        is_cordoned = bool((node.get("spec") or {}).get("unschedulable"))
        record = read_record(annotations.get(ANNOTATION))
        return is_cordoned and record == decision.record and not annotations.get(HOLD)

    def _leaving(self, machine: str, gpus: Collection[int]) -> list[dict[str, Any]]:
        """Return the pods of a machine that have to go, with those that are ending already."""
        pods = evictable_pods(self._api, machine)
        spared = spared_pods(pods, self._claims(), machine, gpus) if gpus else set()
        leaving = []
        for pod in pods:
            meta = pod["metadata"]
            if (meta["namespace"], meta["name"]) not in spared:
                leaving.append(pod)
        return leaving

    def _free_machines(self, view: View, now: datetime) -> tuple[Done, ...]:
        """Evict pods that hold machines by an admission that is over, while others wait for these."""
        if now - self._looked < _BETWEEN_LOOKS:
            return ()
        self._looked = now
        stale = self._stale_placements(view, now)
        # Listing them takes a while, in which another copy may have begun.
        if stale and not self._still_leads():
            return ()
        requested = requested_evictions(self._api, [each.pod for each in stale], now) if stale else {}
        done = []
        for each in stale:
            refused = ""
            if each.name in requested:
                refused = "its eviction is requested already, and its responders act"
            elif is_recreated(each.pod):
                refused = self._evict_pod(each.pod)
            else:
                refused = "no controller recreates it: a person has to end it"
            done.append(Done(_freed(each), refused))
        return tuple(done)

    def _stale_placements(self, view: View, now: datetime) -> list[StalePlacement]:
        """Return these pods on machines of the plan; none where pods or Workloads may not be listed."""
        try:
            found = find_stale_placements(self._api, now)
        except ApiError:
            return []
        return [each for each in found if each.machine in view.nodes]

    def _evict_pod(self, pod: Mapping[str, Any], grace_seconds: int | None = None) -> str:
        """Request the eviction of a pod; return why it is refused, which must not keep the others."""
        try:
            return evict_pod(self._api, pod, grace_seconds)
        except ApiError as error:
            return error.problems[0].message

    def release(self, now: datetime) -> None:
        """Give the lease back, so that the next copy need not wait until it ends; nothing if it is another's.

        Raises:
            ApiError: the API server refused what it never should.
            UnreachableError: there was no answer; the lease then ends by itself.
        """
        # Twice: a renewal that an interruption cut off may arrive between reading and writing.
        for _ in range(2):
            lease = self._lease()
            if lease is None or lease["spec"].get("holderIdentity") != self._identity:
                break
            if self._write_lease(lease["metadata"], now, ""):
                break
        self.leader, self._leads_until = "", _NEVER

    def _lead(self, now: datetime) -> bool:
        """Take or renew the lease; False where another copy has it."""
        to_evict = self._clock()
        lease = self._lease()
        metadata: Mapping[str, Any] = {}
        if lease is not None:
            spec, metadata = lease["spec"], lease["metadata"]
            self.leader = spec.get("holderIdentity") or ""
            renewed = read_moment(spec.get("renewTime"))
            is_over = renewed is None or now - renewed >= LEASE
            # A holder that was killed on this host writes no more, and need not be waited for.
            is_over |= has_ended((metadata.get("annotations") or {}).get(HOLDER_PROCESS))
            if self.leader not in {"", self._identity} and not is_over:
                self._leads_until = _NEVER
                return False
        if not self._write_lease(metadata, now, self._identity):
            return False
        self.leader = self._identity
        self._leads_until, self._renewed = now + LEASE, to_evict
        return True

    def _still_leads(self) -> bool:
        """Return whether this copy still has the lease, which is renewed where that is not sure."""
        with self._renewing:
            if self._leads_until == _NEVER:
                return False
            passed = timedelta(seconds=self._clock() - self._renewed)
            return passed < _RENEW or self._lead(self._leads_until - LEASE + passed)

    def _lease(self) -> dict[str, Any] | None:
        """Read the lease; None if there is none yet."""
        try:
            return self._api.request("GET", f"{_LEASES}/{CONTROLLER}")
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            return None

    def _write_lease(self, metadata: Mapping[str, Any], now: datetime, holder: str) -> bool:
        """Write the lease with a holder; False where another copy was faster.

        Args:
            metadata: that of the lease as it was read; empty to create it.
            now: the moment.
            holder: who has it from now on.
        """
        version = {"resourceVersion": metadata["resourceVersion"]} if metadata else {}
        annotations = {HOLDER_PROCESS: own_process() if holder else ""}
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": CONTROLLER,
                "namespace": SYSTEM_NAMESPACE,
                "annotations": annotations,
                **version,
            },
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": int(LEASE.total_seconds()),
                "renewTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            },
        }
        method, path = ("PUT", f"{_LEASES}/{CONTROLLER}") if metadata else ("POST", _LEASES)
        try:
            self._api.request(method, path, lease, {"fieldManager": CONTROLLER})
        except ApiError as error:
            # 404: somebody deleted it since it was read. Without its namespace, none can be made.
            is_gone = bool(metadata) and error.status == _NOT_FOUND
            if error.status != _CONFLICT and not is_gone:
                raise
            return False
        return True

    def _note(self, view: View, done: Sequence[Done], now: datetime) -> None:
        """Note an event of each decision's Node, once as long as the decision stays the same."""
        with self._telling:
            for each in done:
                decision = each.decision
                reported = (decision.act, each.text)
                if self._reported.get(decision.machine) != reported:
                    self._reported[decision.machine] = reported
                    self._unreported.append(
                        partial(self._event, view.nodes[decision.machine], *reported, now)
                    )

    def _send_events(self) -> None:
        """Create the events that were noted."""
        with self._telling:
            events = list(self._unreported)
            self._unreported.clear()
        self._api.many(events, _AT_ONCE)

    def _event(self, node: Mapping[str, Any], act: Act, message: str, now: datetime) -> None:
        """Create an event of a Node; one that is refused must not keep a machine from its repair."""
        name, uid = node["metadata"]["name"], node["metadata"]["uid"]
        moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            # kubectl looks for events of a Node by its name in `default`, where kubelets write them too.
            "metadata": {"generateName": f"{name}.", "namespace": "default"},
            "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid},
            "type": "Normal" if act is Act.RETURN else "Warning",
            "reason": str(act),
            "message": message[:_LONGEST_MESSAGE],
            "source": {"component": CONTROLLER},
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }
        try:
            self._api.create(event)
        except ApiError:
            return


def _change(machine: Machine, node: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    """Return the merge patch of a Node that carries a decision out."""
    annotations: dict[str, str | None] = {ANNOTATION: decision.record.to_text() if decision.record else None}
    spec: dict[str, object] = {}
    if decision.repairs is not None:
        annotations[REPAIRS] = write_repairs(decision.repairs) or None
    if decision.act is Act.CORDON and machine.cordon is Cordon.NONE:
        annotations[CORDON_OWNER] = CONTROLLER
        spec["unschedulable"] = True
    elif decision.act is Act.RETURN and machine.cordon is Cordon.OWN:
        annotations[CORDON_OWNER] = None
        spec["unschedulable"] = None
    elif decision.act in {Act.ACTIVATE, Act.RETIRE}:
        annotations[REPLACES] = decision.replaces or None
        # A merge patch replaces a list whole; the resourceVersion sees to it that no taint of others is lost.
        taints = [taint for taint in (node.get("spec") or {}).get("taints") or () if taint["key"] != SPARE]
        if decision.act is Act.RETIRE:
            taints.append({"key": SPARE, "value": "true", "effect": "NoSchedule"})
        spec["taints"] = taints
    return {"metadata": {"annotations": annotations}, "spec": spec}


def _freed(stale: StalePlacement) -> Decision:
    """Return the decision to evict a pod whose machine is that of an admission which is over."""
    return Decision(stale.machine, Act.FREE, str(stale), None)


def _uncounted(names: Sequence[str]) -> dict[str, PodCount]:
    """Return a pod for each machine, where none were counted."""
    return dict.fromkeys(names, PodCount(running=1))

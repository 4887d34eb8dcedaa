"""Replay a series of faults on simulated machines, in time that runs as fast as asked.

Each fault is reported as its agents would, at its moment, and by one request after the other for one machine,
so that a fault of many machines is one burst. Nothing is said to the repair controller. Agents of machines
report until the API server takes it, and so does a replay: a server that is slow, busy or away for a while
delays a fault and loses none. A fault of the API server itself makes it slow, which nobody reports.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial

from sovereign_ai.assess import FailureDomains, FaultDomain, FaultEvent
from sovereign_ai.cluster.api import Api, ApiError, UnreachableError
from sovereign_ai.cluster.embedded import SlowServer
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.plan import Plan
from sovereign_ai.sim.fault_reports import (
    LOSS_CHECKS,
    PORT_CHECKS,
    THERMAL_CHECK,
    await_parts,
    note_silence,
    report_condition,
    report_domain,
    report_loss,
    stop_kubelet,
)
from sovereign_ai.sim.faults import inject_into
from sovereign_ai.sim.machine import machines
from sovereign_ai.spec import AIFactory

_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
"""Seconds between two attempts at a report: the first, doubled until the longest."""
PATIENCE = 600.0
"""Seconds after which a report that no server takes ends the replay."""
_CONFLICT, _TOO_MANY, _SERVER_ERROR = 409, 429, 500


class FaultReplay:
    """Reports faults on the machines of one simulated cluster."""

    def __init__(
        self,
        api: Api,
        factory: AIFactory,
        plan: Plan,
        cluster: str,
        slow: Callable[[float], SlowServer] | None = None,
    ) -> None:
        """Read the plan's failure domains; nothing is sent yet.

        Args:
            api: the cluster.
            factory: the description.
            plan: the plan.
            cluster: the cluster's name in it.
            slow: makes the cluster's API server slow for some seconds; None where nobody may.

        Raises:
            KeyError: the plan has no such cluster.
        """
        self._api, self._factory, self._slow = api, factory, slow
        self._domains = FailureDomains(plan, cluster)
        self._machines = {machine.node.name: machine for machine in machines(plan, cluster)}
        compute = [fabric.kind for fabric in plan.fabrics if fabric.role == "compute"]
        kind = compute[0] if compute and compute[0] in PORT_CHECKS else "roce"
        self._port_check, self._loss_check = PORT_CHECKS[kind], LOSS_CHECKS[kind]

    def run(
        self,
        events: Sequence[FaultEvent],
        speed: float,
        stop: threading.Event,
        tell: Callable[[FaultEvent, int], object],
    ) -> None:
        """Report each fault at its moment.

        Args:
            events: the faults, in the order of their times.
            speed: seconds of the series in a second.
            stop: ends it early.
            tell: receives each fault, and on how many machines it was reported.

        Raises:
            ApiError: the server refused what another attempt cannot change, or for longer than `PATIENCE`.
            UnreachableError: there was no answer for so long.
            UsageError: the API server would have to be slow, and is none that this program may slow down.
            EnvironmentLacksError: it does not run here.
        """
        if self._slow is None and any(event.domain is FaultDomain.API_SERVER for event in events):
            message = "only the API server of an embedded control plane of yours is made slow"
            hint = "leave the rows with the domain `api-server` out"
            raise UsageError(Problem("server-not-ours", message, hint=hint))
        began = datetime.now(UTC)
        # However this ends, no server is slow any more.
        with ExitStack() as slowed:
            servers = []
            for number, event in enumerate(events):
                due = began + timedelta(seconds=event.seconds / speed)
                if stop.wait(max(0.0, (due - datetime.now(UTC)).total_seconds())):
                    return
                until = due + timedelta(seconds=event.repair / speed)
                if event.domain is FaultDomain.API_SERVER and self._slow is not None:
                    left = max(0.0, (until - datetime.now(UTC)).total_seconds())
                    servers.append(slowed.enter_context(self._slow(left)))
                ends: dict[str, datetime] = {}
                for name, seconds in self._domains.struck(event, events[:number]).items():
                    ends[name] = began + timedelta(seconds=seconds / speed)
                self._report(event, ends, stop)
                if stop.is_set():
                    return
                tell(event, len(ends))
            for server in servers:
                server.wait(stop)

    def report(self, event: FaultEvent, until: datetime, stop: threading.Event | None = None) -> int:
        """Report one fault by itself, again and again until the server has taken it.

        Args:
            event: the fault.
            until: when its hardware is repaired, before which no reset helps.
            stop: ends it early; left out, nothing does.

        Returns:
            The number of machines on which it is reported; 0 of a spine, a feed that supplies survive, or an
            API server, which only a replay makes slow.

        Raises:
            ApiError: the server refused what another attempt cannot change, or for longer than `PATIENCE`.
            UnreachableError: there was no answer for so long.
        """
        ends = dict.fromkeys(self._domains.machines(event), until)
        self._report(event, ends, stop or threading.Event())
        return len(ends)

    def _report(self, event: FaultEvent, ends: Mapping[str, datetime], stop: threading.Event) -> None:
        """Report a fault on machines, each with the moment at which its hardware is repaired."""
        steps: list[Callable[[str], object]] = []
        # When parts are there comes first, so that no reset that comes at once repairs what has none yet.
        if event.domain.is_silent:
            steps.append(lambda name: stop_kubelet(self._api, name, ends[name]))
        elif not event.domain.passes:
            steps.append(lambda name: await_parts(self._api, name, ends[name]))
        steps.append(lambda name: self._report_on(name, event, ends[name]))
        for step in steps:
            # What a site sees of a fault comes last, of all machines within moments: whoever places work
            # meanwhile would place it on those that are lost and not known to be.
            self._api.many(partial(self._retry, partial(step, name), stop) for name in ends)

    def _retry(self, report: Callable[[], object], stop: threading.Event) -> None:
        """Report something of one machine; of those that were told already, none is told again."""
        last, pause = time.monotonic() + PATIENCE, _PAUSE
        while True:
            try:
                report()
            except (ApiError, UnreachableError) as error:
                if not _may_pass(error) or time.monotonic() > last:
                    raise
                if stop.wait(pause):
                    return
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return

    def _report_on(self, name: str, event: FaultEvent, until: datetime) -> None:
        """Report a fault on one machine it takes along."""
        machine = self._machines[name]
        if event.domain in {FaultDomain.GPU, FaultDomain.APPLICATION}:
            inject_into(self._api, self._factory, machine, gpu=event.gpu or 0, xid=event.code)
        elif event.domain is FaultDomain.NVLINK:
            report_domain(self._api, self._factory.name, machine, event.code)
        elif event.domain.is_silent:
            note_silence(self._api, name)
        elif event.domain is FaultDomain.SWITCH_DAEMON:
            report_loss(self._api, name, self._loss_check, event.unit, until)
        elif event.domain is FaultDomain.THERMAL:
            message = "ErrorCode:DCGM_FR_CLOCK_THROTTLE_THERMAL GPU:0 too hot Recommended Action=RESTART_BM;"
            report_condition(self._api, name, THERMAL_CHECK, message)
        else:
            shared = "rail" if event.domain is FaultDomain.RAIL else "switch"
            port = f"NIC:{event.gpu}" if event.gpu is not None else f"{shared} {event.unit}"
            message = f"{port} port is down Recommended Action=REPLACE_VM;"
            report_condition(self._api, name, self._port_check, message)


def _may_pass(error: ApiError | UnreachableError) -> bool:
    """Return whether another attempt may be taken: nobody answered, or a busy or a restarting server did."""
    if isinstance(error, UnreachableError):
        return True
    return error.status in {_CONFLICT, _TOO_MANY} or error.status >= _SERVER_ERROR

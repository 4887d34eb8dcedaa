"""`top`: racks, pools, queues, workloads, faults, power, goodput and cost of a cluster, as they change."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployed_target import open_deployed
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import ClusterOption, KubeconfigOption, StackOption
from sovereign_ai.cluster.control_plane import Backend

if TYPE_CHECKING:
    from sovereign_ai.cli.jobs_usage import HourPrice
    from sovereign_ai.cli.target import Target
    from sovereign_ai.cli.top_text import MachineState, Overview, TopQueue, TopWorkload
    from sovereign_ai.cluster import ActiveAlert
    from sovereign_ai.cluster.api import Api
    from sovereign_ai.operate import HeldPod, Machine
    from sovereign_ai.plan import Plan, PoolSlice
    from sovereign_ai.verify import QueueState, TenantUsage

_NEW_SCREEN = "\x1b[H\x1b[2J"
"""Move to the first column of the first line, and erase the screen (ECMA-48, CUP and ED 2)."""


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("top", **example("sovereign-ai top stacks/lab --once"))
    def top(
        stack: StackArgument = Path(),
        once: Annotated[bool, typer.Option("--once", help="Print one observation and exit.")] = False,
        interval: Annotated[
            float, typer.Option("--interval", min=0.5, metavar="SECONDS", help="Pause between observations.")
        ] = 2.0,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show racks, GPUs in use, queues, faults, goodput and cost.

        It goes on until Ctrl-C; where standard output is no terminal, or with --json, there is one
        observation. Power follows the allocation of GPUs; it is not measured. EUR are GPU-hours at the price
        of `assess cost`.
        """
        where = (cluster, kubeconfig, name)
        is_single = once or as_json or not sys.stdout.isatty()
        run_command(
            "top", as_json, lambda output: _top(output, stack, where, None if is_single else interval)
        )


def _top(
    output: Output, path: Path, where: tuple[Backend, Path | None, str | None], interval: float | None
) -> None:
    from sovereign_ai.cli.jobs_usage import hour_price
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cli.top_text import screen
    from sovereign_ai.errors import SovereignError
    from sovereign_ai.plan import sent_pools

    backend, kubeconfig, name = where
    stack = open_stack(path)
    cluster = stack.bundle(name).cluster
    target = open_deployed(stack, cluster, backend, kubeconfig, output.progress)
    price = hour_price(stack, None)
    sent = sent_pools(stack.factory, stack.plan.clusters, cluster)

    def observe() -> Overview:
        return observe_all(target, stack.plan, cluster, datetime.now(UTC), price, sent)

    overview = observe()
    if interval is None:
        output.finish(overview.to_data(), screen(overview))
        return
    stale = ""
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            size = shutil.get_terminal_size()
            lines = screen(overview, size.lines - 1, size.columns, stale)
            sys.stdout.write(new_screen())
            output.finish({}, lines)
            time.sleep(interval)  # noqa: TID251 - the screen is drawn until it is interrupted
            # What an observation that fails shows is the one before, and why it is old.
            try:
                overview, stale = observe(), ""
            except SovereignError as error:
                now = datetime.now(UTC).strftime("%H:%M:%S")
                stale = f"as it was then; at {now}: {error.problems[0].message}"


def new_screen() -> str:
    """Return what begins an observation: an erased screen, or an empty line where a terminal cannot erase."""
    return _NEW_SCREEN if os.environ.get("TERM", "dumb") not in {"", "dumb"} else "\n"


def observe_all(
    target: Target,
    plan: Plan,
    cluster: str,
    now: datetime,
    price: HourPrice | None,
    sent: Sequence[PoolSlice] = (),
) -> Overview:
    """Observe a cluster.

    Args:
        target: the cluster.
        plan: the plan.
        cluster: its name there.
        now: the moment.
        price: what a GPU-hour costs; None where nothing of it is known.
        sent: pools of other clusters to which it sends work, whose usage is counted here.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    from sovereign_ai.cli.repair_text import drain_holds
    from sovereign_ai.cli.top_text import Overview, TopMachine
    from sovereign_ai.operate import observe_machines, places
    from sovereign_ai.sim import count_working, full_power, holders, power_draw, unwell_machines

    api = target.api
    view = observe_machines(api, places(plan, cluster), now)
    holds = drain_holds(api, view.machines, now)
    pods, claims = api.list("v1", "Pod"), api.list("resource.k8s.io/v1", "ResourceClaim")
    held = holders(plan, cluster, pods, claims)
    power = power_draw(plan, cluster, held)
    observed = {machine.name: machine for machine in view.machines}
    machines = []
    for node in plan.nodes_of(cluster):
        own = held[node.name]
        busy = len(own) - own.count("")
        machine = observed.get(node.name)
        state = _state(machine, view.nodes.get(node.name), busy, len(own))
        watts = power.nodes[node.name]
        machines.append(
            TopMachine(
                node.name,
                node.pool,
                node.rack,
                state,
                len(own),
                busy,
                watts,
                _fault(machine, holds.get(node.name, ())),
            )
        )
    state_of_queues = _queue_state(api)
    queues, workloads = queues_of(state_of_queues) if state_of_queues else ([], [])
    return Overview(
        cluster,
        now,
        machines,
        _tenants(held),
        queues,
        workloads,
        full_power(plan, cluster),
        power.estimated,
        count_working(plan, cluster, pods, held, unwell_machines(view.nodes.values())),
        _usage(state_of_queues, plan, cluster, now, sent),
        price,
        _alerts(target),
    )


def _alerts(target: Target) -> tuple[ActiveAlert, ...] | None:
    """Return the alerts of the rendered rules; None where Prometheus gives no answer, as after a kill."""
    from sovereign_ai.errors import EnvironmentLacksError

    try:
        return target.control_plane.alerts()
    except EnvironmentLacksError:
        return None


def _usage(
    state: QueueState | None, plan: Plan, cluster: str, now: datetime, sent: Sequence[PoolSlice]
) -> list[TenantUsage]:
    """Return what tenants have used, of all that Kueue still holds; nothing without Kueue."""
    from sovereign_ai.verify import by_tenant, usage_of

    if state is None:
        return []
    return by_tenant(usage_of(state.workloads, plan.cluster(cluster), None, now, sent))


def _state(machine: Machine | None, node: Mapping[str, Any] | None, busy: int, devices: int) -> MachineState:
    """Return the first state of a machine that is true."""
    from sovereign_ai.cli.top_text import MachineState
    from sovereign_ai.operate import Cordon
    from sovereign_ai.sim import is_ready

    if machine is None or node is None:
        return MachineState.ABSENT
    if machine.faults or machine.record:
        return MachineState.FAULTY
    if not is_ready(node):
        return MachineState.NOT_READY
    if machine.cordon is not Cordon.NONE:
        return MachineState.CORDONED
    if not busy:
        return MachineState.FREE
    return MachineState.HELD if busy == devices else MachineState.PARTLY_HELD


def _fault(machine: Machine | None, holds: Sequence[HeldPod] = ()) -> str:
    """Return what is reported of a machine, how far its repair is, and which pod holds its drain."""
    if machine is None:
        return ""
    parts = list(map(str, machine.faults))
    if machine.record:
        parts.append(f"repair: {machine.record.step}")
    if machine.maintainer:
        parts.append(f"maintained by {machine.maintainer}")
    for first in holds[:1]:
        by = f" by budget {first.budget}" if first.budget else ""
        by = f" by a request of {first.requester}" if first.requester else by
        more = f" and {len(holds) - 1} more" if len(holds) > 1 else ""
        since = f" since {first.since}" if first.since else ""
        parts.append(f"pod {first.pod}{more} held{by}{since}")
    return ", ".join(parts)


def _tenants(held: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return how many devices each namespace holds."""
    counted: Counter[str] = Counter()
    for holders in held.values():
        counted.update(holder.partition("/")[0] for holder in holders if holder)
    return dict(counted)


def _queue_state(api: Api) -> QueueState | None:
    """Return what the cluster holds of queues; None where it serves no objects of Kueue."""
    from sovereign_ai.cluster.api import ApiError
    from sovereign_ai.verify import observe_queues

    try:
        return observe_queues(api)
    except ApiError as error:
        if error.reason != "KindUnknown":
            raise
        return None


def queues_of(state: QueueState) -> tuple[list[TopQueue], list[TopWorkload]]:
    """Return queues and unfinished workloads from what a cluster holds."""
    from sovereign_ai.cli.top_text import TopQueue, TopWorkload

    above = {}
    for local in state.local_queues:
        meta = local["metadata"]
        above[meta["namespace"], meta["name"]] = local["spec"].get("clusterQueue", "")
    workloads: list[TopWorkload] = []
    running: Counter[str] = Counter()
    waiting: Counter[str] = Counter()
    for workload in state.workloads:
        conditions = _true_conditions(workload)
        if "Finished" in conditions:
            continue
        meta, spec = workload["metadata"], workload["spec"]
        queue = spec.get("queueName", "")
        is_running = "Admitted" in conditions
        (running if is_running else waiting)[above.get((meta["namespace"], queue), "")] += 1
        word = "running" if is_running else "waiting"
        pods = sum(part.get("count", 1) for part in spec.get("podSets") or ())
        workloads.append(TopWorkload(f"{meta['namespace']}/{meta['name']}", queue or "-", word, pods))
    names = sorted(queue["metadata"]["name"] for queue in state.cluster_queues)
    return [TopQueue(name, running[name], waiting[name]) for name in names], workloads


def _true_conditions(obj: Mapping[str, Any]) -> set[str]:
    """Return the types of an object's conditions that are true."""
    conditions: Iterable[Mapping[str, Any]] = (obj.get("status") or {}).get("conditions") or ()
    return {str(condition.get("type")) for condition in conditions if condition.get("status") == "True"}

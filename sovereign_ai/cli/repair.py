"""`repair`: take machines with faults out of work, have them repaired and accepted, and return them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.attempts import Attempts
from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployed_target import open_deployed
from sovereign_ai.cli.interrupt import stopping_at_interrupt
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, wrapped
from sovereign_ai.cli.repair_months import add_simulate
from sovereign_ai.cli.target import (
    ClusterOption,
    KubeconfigOption,
    LocalClusterOption,
    StackOption,
    Target,
)
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from threading import Event

    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.api import Api
    from sovereign_ai.errors import SovereignError
    from sovereign_ai.operate import Decision, Done, Policies, View, WatchedCluster
    from sovereign_ai.sim import Machine


NodeName = Annotated[str, typer.Argument(metavar="NODE", help="The machine's name.")]
PolicyOption = Annotated[
    Path | None, typer.Option("--policies", metavar="FILE", help="How groups of nodes are repaired.")
]
Where = tuple[Backend, Path | None, str | None]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Take machines with faults out of work, and return them repaired.",
    )
    app.add_typer(group, name="repair")

    @group.command("run", **example("sovereign-ai repair run stacks/lab --once --dry-run"))
    def run(
        stack: StackArgument = Path(),
        once: Annotated[bool, typer.Option("--once", help="Run one round and exit.")] = False,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Say what a round would do; write nothing.")
        ] = False,
        simulate: Annotated[
            bool,
            typer.Option(
                "--simulate",
                help="On an embedded control plane: let resets, restarts and acceptances succeed.",
            ),
        ] = False,
        interval: Annotated[
            float, typer.Option("--interval", min=0.2, metavar="SECONDS", help="Pause between two rounds.")
        ] = 1.0,
        policies: PolicyOption = None,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Run the repair controller, and print each decision, until Ctrl-C."""
        where = (cluster, kubeconfig, name)

        def work(output: Output) -> None:
            if dry_run:
                _dry_run(output, stack, where, policies)
            else:
                _run(output, stack, where, policies, None if once else interval, simulate=simulate)

        run_command("repair run", as_json, work)

    @group.command("status", **example("sovereign-ai repair status stacks/lab"))
    def status(
        stack: StackArgument = Path(),
        policies: PolicyOption = None,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """List machines with faults or under repair; exit 1 if there is any.

        With the policies that `repair run` has, conditions that they make a fault are listed too.
        """
        where = (cluster, kubeconfig, name)
        run_command("repair status", as_json, lambda output: _status(output, stack, where, policies))

    @group.command("accept", **example("sovereign-ai repair accept stacks/lab train-003"))
    def accept(
        stack: StackArgument,
        node: NodeName,
        failed: Annotated[bool, typer.Option("--failed", help="Report that it was not accepted.")] = False,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Report a repaired machine's acceptance: it returns to work.

        `sovereign-ai acceptance plan` prints the tests of each machine, and `acceptance judge` their verdict.
        """
        where = (cluster, kubeconfig, name)
        run_command(
            "repair accept", as_json, lambda output: _accept(output, stack, node, where, passed=not failed)
        )

    @group.command("inject", **example("sovereign-ai repair inject stacks/lab train-003 --gpu 3 --xid 48"))
    def inject(
        stack: StackArgument,
        node: Annotated[
            str, typer.Argument(metavar="NODE", help="The machine's name, for a single fault.")
        ] = "",
        gpu: Annotated[int, typer.Option("--gpu", min=0, metavar="INDEX", help="The GPU's index.")] = 0,
        xid: Annotated[
            int, typer.Option("--xid", min=1, metavar="CODE", help="The Xid that its driver reports.")
        ] = 48,
        seed: Annotated[
            int | None,
            typer.Option(
                "--seed", min=0, metavar="N", help="Draw random faults at a fleet's rates, with this seed."
            ),
        ] = None,
        days: Annotated[
            float,
            typer.Option("--days", min=0.01, max=3660, metavar="DAYS", help="For how long faults are drawn."),
        ] = 30.0,
        write_to: Annotated[
            Path | None,
            typer.Option("--output", "-o", help="Write the drawn faults to a file; inject nothing."),
        ] = None,
        source: Annotated[
            Path | None, typer.Option("--from", metavar="FILE", help="Replay the faults of a file.")
        ] = None,
        speed: Annotated[
            float,
            typer.Option("--speed", min=1.0, metavar="TIMES", help="How many times faster than real time."),
        ] = 3600.0,
        cluster: LocalClusterOption = Backend.EMBEDDED,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Let simulated machines report a fault, or many over time.

        They are those of a local control plane.

        A file may name what no seed draws, since nobody counted it: rail, scalable-unit, switch-daemon, and
        api-server, which makes the API server of the embedded control plane slow.
        """
        where = (cluster, None, name)

        def work(output: Output) -> None:
            from sovereign_ai.cli.fault_series import replay_faults, series_of, write_faults

            _require_either(node, seed, source, write_to)
            if node:
                _inject(output, stack, node, (gpu, xid), where)
                return
            series = series_of(stack, name, seed, days, source)
            if write_to:
                write_faults(output, series, write_to)
                return
            _, _, target = _open(output, stack, where)
            _require_simulated(target, all_machines=True)
            replay_faults(output, series, target, speed)

        run_command("repair inject", as_json, work, outputs=write_to)

    add_simulate(group)


def _open(output: Output, path: Path, where: Where) -> tuple[Stack, str, Target]:
    """Open a stack, and connect to its cluster."""
    from sovereign_ai.cli.stack import open_stack

    backend, kubeconfig, name = where
    stack = open_stack(path)
    cluster = stack.bundle(name).cluster
    return stack, cluster, open_deployed(stack, cluster, backend, kubeconfig, output.progress)


def _policies_of(path: Path, name: str | None, file: Path | None) -> Policies:
    """Return how machines are repaired, within the disruption budgets of the description.

    Raises:
        SpecError: the file has problems.
    """
    from dataclasses import replace

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.operate import Policy, budgets_of, one_policy, read_policies

    stack = open_stack(path)
    cluster = stack.bundle(name).cluster
    policies = one_policy(Policy()) if file is None else read_policies(file, stack.plan, cluster)
    return replace(policies, budgets=budgets_of(stack.factory, stack.plan, cluster))


def _dry_run(output: Output, path: Path, where: Where, file: Path | None) -> None:
    """Print what a round would do."""
    from sovereign_ai.operate import RepairController, places

    policies = _policies_of(path, where[2], file)
    stack, cluster, target = _open(output, path, where)
    controller = RepairController(target.api, places(stack.plan, cluster), policies, _identity())
    decisions = controller.plan(datetime.now(UTC))
    lines = list(map(_decision_line, decisions))
    lines.append(f"{cluster}: decisions: {len(decisions)}; nothing was written")
    output.finish({"cluster": cluster, "decisions": list(map(_decision_data, decisions))}, lines)


def _run(
    output: Output, path: Path, where: Where, file: Path | None, interval: float | None, *, simulate: bool
) -> None:
    """Do one round, or rounds until Ctrl-C."""
    import contextlib

    from sovereign_ai.errors import SovereignError
    from sovereign_ai.operate import RepairController, places

    # A wrong file is refused before a cluster is looked for.
    policies = _policies_of(path, where[2], file)
    stack, cluster, target = _open(output, path, where)
    if simulate:
        _require_simulated(target, all_machines=True)
    if interval is not None:
        _work(output, (stack, cluster, target), policies, interval, simulate=simulate)
        return
    controller = RepairController(target.api, places(stack.plan, cluster), policies, _identity())
    attempts = Attempts(output)
    # A round decides by what is written at the machines, so another one goes on where one failed.
    done = attempts.until_done(lambda: controller.round(datetime.now(UTC)))
    _require_lead(controller.leader)
    # What was done is reported, also where the lease has to end by itself.
    with contextlib.suppress(SovereignError):
        controller.release(datetime.now(UTC))
    if simulate:
        attempts.until_done(partial(_obey_once, target.api, stack, cluster, policies))
    lines = list(map(_done_line, done))
    lines += [f"{cluster}: decisions: {len(done)}", *attempts.lines]
    data = {"cluster": cluster, "decisions": list(map(_done_data, done))}
    output.finish(data | attempts.data, lines)


def _work(
    output: Output,
    opened: tuple[Stack, str, Target],
    policies: Policies,
    interval: float,
    *,
    simulate: bool,
) -> None:
    """Repair until Ctrl-C, and print each decision once."""
    import contextlib
    import threading

    import orjson

    from sovereign_ai.errors import SovereignError
    from sovereign_ai.operate import FATAL_CONDITIONS, RepairController, WatchedCluster, places, work

    stack, cluster, target = opened
    placed = places(stack.plan, cluster)
    conditions, readiness = {*FATAL_CONDITIONS, *policies.conditions()}, policies.patience is not None
    watched = WatchedCluster(target.api, placed, conditions, readiness=readiness)
    controller = RepairController(target.api, placed, policies, _identity(), watched)
    output.progress(f"{cluster}: watching {counted(len(placed), 'machine')}; Ctrl-C ends it")
    shown: dict[str, str] = {}
    leaders = [""]

    def report(done: Iterable[Done]) -> None:
        if controller.leader not in {leaders[0], _identity()}:
            output.progress(f"{controller.leader} works; this one waits until it ends")
        leaders[0] = controller.leader
        for each in _changed(done, shown):
            typer.echo(orjson.dumps(_done_data(each)).decode() if output.as_json else _done_line(each))

    def fail(error: SovereignError) -> None:
        output.progress(str(error))

    stop = threading.Event()
    with stopping_at_interrupt(stop), watched.watching():
        if simulate:
            played = (opened, watched, policies, stop, interval, fail)
            agent = threading.Thread(target=_play, args=played, daemon=True)
            agent.start()
        try:
            work(controller, watched, stop, interval, report, fail)
        finally:
            stop.set()
            if simulate:
                agent.join()
    with contextlib.suppress(SovereignError):
        controller.release(datetime.now(UTC))


def _require_lead(leader: str) -> None:
    """Refuse a single round that did nothing, since another controller works.

    Raises:
        EnvironmentLacksError: another one has the lease.
    """
    from sovereign_ai.errors import EnvironmentLacksError, Problem

    if leader != _identity():
        hint = "it works already; `sovereign-ai repair status` shows how far it is"
        raise EnvironmentLacksError(
            Problem("another-leads", f"the controller {leader} has the lease", hint=hint)
        )


def _changed(done: Iterable[Done], shown: dict[str, str]) -> list[Done]:
    """Return what was not said already of each machine, and keep it as said."""
    new = []
    for each in done:
        line = _done_line(each)
        if shown.get(each.decision.machine) != line:
            shown[each.decision.machine] = line
            new.append(each)
    return new


def _status(output: Output, path: Path, where: Where, file: Path | None) -> None:
    """Print the machines with faults or under repair."""
    from sovereign_ai.cli.budget_text import live_budget_lines, live_budget_rows
    from sovereign_ai.cli.repair_text import drain_holds, held_back, machine_data, machine_lines
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.operate import observe_machines, places

    policies = _policies_of(path, where[2], file)
    stack, cluster, target = _open(output, path, where)
    now, more, patience = datetime.now(UTC), policies.conditions_of, policies.patience
    placed = places(stack.plan, cluster)
    view = observe_machines(target.api, placed, now, more=more, patience=patience)
    listed = [machine for machine in view.machines if machine.faults or machine.record]
    held = held_back(policies, view.machines, now)
    holds = drain_holds(target.api, listed, now, policies.grace_of)
    lines = [*machine_lines(listed, held, holds)]
    for machine in view.machines:
        if machine.maintainer and machine not in listed:
            lines += wrapped(
                f"{machine.name} is maintained by {machine.maintainer}: nothing is done about it"
            )
    budgets = live_budget_rows(policies.budgets, view.machines, now)
    lines += live_budget_lines(budgets)
    machines_text = counted(len(view.machines), "machine")
    lines += wrapped(f"{cluster}: {len(listed)} of {machines_text} have faults or are under repair")
    data: dict[str, object] = {"cluster": cluster}
    rows = []
    for machine in listed:
        rows.append(machine_data(machine, held.get(machine.name), holds.get(machine.name, ())))
    data["machines"] = rows
    data["maintained"] = {each.name: each.maintainer for each in view.machines if each.maintainer}
    if budgets:
        data["budgets"] = budgets
    output.finish(data, lines, ExitCode.FINDINGS if listed else ExitCode.OK)


def _accept(output: Output, path: Path, node: str, where: Where, *, passed: bool) -> None:
    """Write the verdict of a machine's acceptance."""
    from sovereign_ai.errors import Problem, UsageError, nearest
    from sovereign_ai.operate import ACCEPTANCE, Step, observe_machines, places, write_verdict

    stack, cluster, target = _open(output, path, where)
    now = datetime.now(UTC)
    attempts = Attempts(output)
    view = attempts.until_done(partial(observe_machines, target.api, places(stack.plan, cluster), now))
    machines = {machine.name: machine for machine in view.machines}
    if node not in machines:
        hint = nearest(node, list(machines))
        raise UsageError(Problem("machine-unknown", f"{cluster} has no machine {node!r}", hint=hint))
    record = machines[node].record
    if record is None or record.step is not Step.ACCEPT:
        state = f"its repair stands at {record.step}" if record else "it is not under repair"
        hint = "`sovereign-ai repair status` lists the machines whose acceptance is awaited"
        raise UsageError(Problem("not-awaited", f"no acceptance of {node} is awaited: {state}", hint=hint))
    # Written again, it is the same verdict of the same moment, which counts once.
    written = write_verdict(passed=passed, now=now)
    attempts.until_done(partial(_annotate, target.api, node, ACCEPTANCE, written))
    verdict = "accepted" if passed else "not accepted"
    lines = [f"{node}: {verdict}; the controller decides what follows", *attempts.lines]
    output.finish({"node": node, "passed": passed} | attempts.data, lines)


def _require_either(node: str, seed: int | None, source: Path | None, write_to: Path | None) -> None:
    """Refuse a request for no fault, or for faults from two sources.

    Raises:
        UsageError: it is one.
    """
    from sovereign_ai.errors import Problem, UsageError

    given = [bool(node), seed is not None, source is not None]
    if sum(given) != 1:
        message = "give a NODE, --seed or --from, and only one of them"
        hint = "sovereign-ai repair inject STACK --seed 7 --days 30"
        raise UsageError(Problem("fault-unclear", message, hint=hint))
    if write_to and seed is None:
        message = "--output writes what --seed draws"
        raise UsageError(Problem("fault-unclear", message, hint="give --seed too, or leave --output out"))


def _inject(output: Output, path: Path, node: str, fault: tuple[int, int], where: Where) -> None:
    """Let a simulated GPU report an Xid."""
    from sovereign_ai.sim import inject

    stack, _, target = _open(output, path, where)
    _require_simulated(target)
    gpu, xid = fault
    attempts = Attempts(output)
    is_out = attempts.until_done(
        partial(inject, target.api, stack.factory, stack.plan, node, gpu=gpu, xid=xid)
    )
    effect = "is out of use" if is_out else "stays in use: an application caused it"
    output.finish(
        {"node": node, "gpu": gpu, "xid": xid, "out": is_out} | attempts.data,
        [*wrapped(f"{node}: GPU {gpu} reports Xid {xid}, and {effect}"), *attempts.lines],
    )


def _play(
    opened: tuple[Stack, str, Target],
    watched: WatchedCluster,
    policies: Policies,
    stop: Event,
    interval: float,
    fail: Callable[[SovereignError], object],
) -> None:
    """Play the agents of the machines until an event is set."""
    from sovereign_ai.errors import SovereignError
    from sovereign_ai.operate import observe_reports, places

    stack, cluster, target = opened
    placed, hardware = places(stack.plan, cluster), _hardware(stack, cluster)
    while not stop.wait(interval):
        now, conditions, patience = datetime.now(UTC), policies.conditions_of, policies.patience
        try:
            reports = watched.reports()
            # What an agent does depends on no pods.
            view = observe_reports(
                reports, placed, now, lambda _names: {}, more=conditions, patience=patience
            )
            _obey(target.api, stack, view, hardware, policies)
        except SovereignError as error:
            fail(error)


def _obey_once(api: Api, stack: Stack, cluster: str, policies: Policies) -> None:
    """Play the agents of the machines once, by what is listed now."""
    from sovereign_ai.operate import observe_machines, places

    now, conditions, patience = datetime.now(UTC), policies.conditions_of, policies.patience
    placed = places(stack.plan, cluster)
    view = observe_machines(api, placed, now, more=conditions, patience=patience)
    _obey(api, stack, view, _hardware(stack, cluster), policies)


def _hardware(stack: Stack, cluster: str) -> dict[str, Machine]:
    """Return the hardware of a cluster's machines, by name."""
    from sovereign_ai.sim import machines

    return {machine.node.name: machine for machine in machines(stack.plan, cluster)}


def _obey(api: Api, stack: Stack, view: View, hardware: Mapping[str, Machine], policies: Policies) -> None:
    """Play the agents of a site: carry out the resets and restarts that are requested, and accept.

    Args:
        api: the cluster.
        stack: the stack.
        view: what is observed of the machines.
        hardware: what each of them consists of, by name.
        policies: what else is a fault.
    """
    from sovereign_ai.operate import ACCEPTANCE, Step, write_verdict
    from sovereign_ai.sim import heal_machine

    verdict = write_verdict(passed=True, now=datetime.now(UTC))
    calls: list[Callable[[], object]] = []
    for machine in view.machines:
        record = machine.record
        if record is None:
            continue
        if record.step in {Step.RESET, Step.REBOOT} and machine.faults:
            more = policies.conditions_of(machine.name)
            calls.append(partial(heal_machine, api, stack.factory, hardware[machine.name], more))
        elif record.step is Step.ACCEPT and machine.accepted is None:
            calls.append(partial(_annotate, api, machine.name, ACCEPTANCE, verdict))
    api.many(calls)


def _annotate(api: Api, node: str, key: str, value: str) -> None:
    """Write one annotation of a Node."""
    change = {"metadata": {"annotations": {key: value}}}
    api.request(
        "PATCH",
        f"/api/v1/nodes/{node}",
        change,
        {"fieldManager": "sovereign-ai"},
        "application/merge-patch+json",
    )


def _require_simulated(target: Target, *, all_machines: bool = False) -> None:
    """Refuse to play agents or faults on machines that are real.

    Args:
        target: the cluster.
        all_machines: refuse a kind cluster too: some of its machines are kubelets, which nothing would reset.

    Raises:
        UsageError: the cluster is not a local control plane, or not one of simulated machines alone.
    """
    from sovereign_ai.errors import Problem, UsageError

    if not target.simulated or (all_machines and target.has_real_nodes):
        hint = "an agent of your site carries out what is requested; --cluster embedded has simulated ones"
        message = "not all machines of this cluster are simulated"
        raise UsageError(Problem("not-simulated", message, hint=hint))


def _identity() -> str:
    """Return this process's name in the lease."""
    return f"{socket.gethostname()}-{os.getpid()}"


def _decision_line(decision: Decision) -> str:
    return f"{decision.machine}: {decision.act}: {decision.reason}"


def _done_line(done: Done) -> str:
    line = _decision_line(done.decision)
    if done.note:
        line += f"; {done.note}"
    return f"{line}; not done: {done.refused}" if done.refused else line


def _decision_data(decision: Decision) -> Mapping[str, object]:
    """Return a decision as plain data."""
    return {
        "machine": decision.machine,
        "act": decision.act,
        "reason": decision.reason,
        "step": decision.record.step if decision.record else None,
    }


def _done_data(done: Done) -> Mapping[str, object]:
    return {**_decision_data(done.decision), "refused": done.refused, "note": done.note}

"""`preview`: what `up` would change, without changing anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployment import (
    AdoptOption,
    AllowDeleteOption,
    AllowMassOption,
    DeployOptions,
    can_do_without_engine,
    checked_deployment,
    follow_kubeconfig,
    on_target,
    part_of_run,
    pending_changes,
    require_own_description,
    try_deployment,
)
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, laid_out
from sovereign_ai.cli.target import (
    ClusterOption,
    KubeconfigOption,
    StackOption,
    open_target,
    require_one_cluster,
    target_options,
)
from sovereign_ai.cli.tracing import traced
from sovereign_ai.cli.up import name_unplanned, outcome_lines, unplanned_lines
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import merged
from sovereign_ai.verify import brief

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.api import Snapshot
    from sovereign_ai.deploy import Changes, Checked, Engine, PulumiOutcome
    from sovereign_ai.render.kubernetes import Bundle
    from sovereign_ai.verify import Difference


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("preview", **example("sovereign-ai preview stacks/lab"))
    def preview(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        adopt: AdoptOption = False,
        allow_delete: AllowDeleteOption = None,
        allow_mass_deletion: AllowMassOption = False,
        policy_pack: Annotated[
            Path | None, typer.Option("--policy-pack", help="Run a Pulumi policy pack as well.")
        ] = None,
        diff: Annotated[
            bool, typer.Option("--diff", help="Show each field that changes, with its old and its new value.")
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show what a deployment would change on a running cluster."""
        options = DeployOptions(adopt, frozenset(allow_delete or ()), allow_mass_deletion)
        run_command(
            "preview",
            as_json,
            lambda output: _preview(output, stack, cluster, kubeconfig, name, policy_pack, options, diff),
        )


def _preview(
    output: Output,
    path: Path,
    backend: Backend,
    kubeconfig: Path | None,
    name: str | None,
    pack: Path | None,
    deploy_options: DeployOptions,
    with_fields: bool,
) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster import WRITES, require_reachable
    from sovereign_ai.deploy import (
        JUDGED_FILE,
        TRIED,
        Engine,
        gate,
        judged_note,
        planned_moves,
        reading_of,
    )

    stack = open_stack(path)
    bundle = stack.bundle(name)
    traced("judge")(gate)(stack.factory, stack.plan, bundle)
    require_own_description(stack)
    require_one_cluster(backend, kubeconfig)
    unplanned = name_unplanned(output, stack)
    target = open_target(bundle.cluster, backend, kubeconfig, output.progress)
    target.control_plane.refuse_unsupported_changes(stack.factory, stack.plan)
    bundle = on_target(output, bundle, target)
    traced("reach cluster")(require_reachable)(target.api, bundle.objects, WRITES)
    engine = Engine(stack.folder, bundle.cluster, target.kubeconfig, output.progress, target.state_key)
    options = target_options(backend, kubeconfig, name)
    follow_kubeconfig(output, engine, stack, bundle.cluster, target, options)
    engine.require_one_cluster()
    engine.require_key()
    reading = reading_of(target.api, bundle.objects)
    deployment, checked, bundle = checked_deployment(
        output, reading, stack, bundle, target, options, deploy_options
    )
    try_deployment(reading, stack, bundle, target, checked)
    engine.env |= deployment.allowed.to_environment()
    # With this digest the program does not repeat the dry run of the same objects.
    engine.env[TRIED] = bundle.digest
    engine.notes[JUDGED_FILE] = judged_note(stack.factory, stack.plan, bundle)
    pending = _pending(engine, stack, reading, bundle)
    changes = pending.changes
    if pack is None and can_do_without_engine(changes, checked):
        outcome = engine.record("preview", len(bundle.objects))
    else:
        outcome = _by_engine(engine, stack, pending, checked, bundle, pack)
    handled = {resource for _, resource in outcome.steps}
    # The engine does not see drift in fields that it never sent; `up` restores those fields after its run.
    # What Kueue keeps nobody can put back.
    others = handled.union(map(str, checked.in_use))
    restored = [resource for resource in changes.restore if resource not in others]
    left = sorted(pending.left - handled)
    outcome = outcome.with_orphans([str(key) for key in checked.orphans])
    operations = [*outcome.steps, *(("restore", resource) for resource in restored)]
    lines = [*checked.lines_but_of(left), *_step_lines(operations, changes, with_fields=with_fields)]
    lines += [f"{'leave':>8} {resource}, which somebody changed" for resource in left]
    moves = planned_moves(reading, bundle.objects, stack.factory, stack.plan, bundle.cluster, checked.renames)
    queueing = target.control_plane.planned_queueing(target.api, stack.factory)
    monitoring = target.control_plane.planned_monitoring(stack.factory, stack.plan)
    lines += map(str, [*moves, *filter(None, (queueing, monitoring))])
    lines += outcome_lines(outcome)
    lines += [f"`up` asks first: {problem}" for problem in checked.unapproved]
    lines += unplanned_lines(unplanned)
    own = {
        "cluster": bundle.cluster,
        "moves": [move.to_data() for move in moves],
        "queueing": None if queueing is None else queueing.to_data(),
        "monitoring": None if monitoring is None else monitoring.to_data(),
        "restored": restored,
        "left_as_it_is": left,
        "fields": _field_data(changes),
        "unplanned": unplanned,
        "asks": [problem.to_data() for problem in checked.unapproved],
    }
    output.finish(merged(own, checked.to_data(), outcome.to_data()), laid_out(lines))


@frozen_dataclass
class _Pending:
    """The changes that a deployment would make.

    Attributes:
        changes: the changes; without drift where the description only reports it.
        refresh: whether the engine must refresh its state first.
        left: resources with drift that the deployment leaves as they are.
    """

    changes: Changes
    refresh: bool
    left: frozenset[str]


def _by_engine(
    engine: Engine, stack: Stack, pending: _Pending, checked: Checked, bundle: Bundle, pack: Path | None
) -> PulumiOutcome:
    """Run `pulumi preview`, and leave out what the command itself drops from the state."""
    # What is being deleted may be gone by the time at which the engine asks for it.
    is_ending = bool(checked.terminating)
    # A policy pack is shown every resource.
    is_partial = pack is None and not is_ending
    part = part_of_run(engine, stack, pending.changes, checked, bundle) if is_partial else None
    refresh = pending.refresh or checked.cluster.remade or is_ending
    preview = traced("preview by the engine")(engine.preview)
    outcome = preview(policy_pack=pack, refresh=refresh, part=part).with_replaced(checked.replaced)
    return outcome.without_deleted({str(key) for key in (*checked.kept, *checked.left)})


def _pending(engine: Engine, stack: Stack, reading: Snapshot, bundle: Bundle) -> _Pending:
    """Compare description, state and cluster, by the description's policy for drift."""
    from sovereign_ai.deploy import needs_refresh, reports_only, without_drift

    changes = pending_changes(engine, stack, reading, bundle)
    if not reports_only(stack.factory):
        return _Pending(changes, changes.needs_refresh, frozenset())
    described = without_drift(changes, engine.checkpoint())
    left = {*changes.restore, *changes.create}.difference(described.restore, described.create)
    return _Pending(described, needs_refresh(described), frozenset(left))


def _step_lines(
    operations: Iterable[tuple[str, str]], changes: Changes, *, with_fields: bool
) -> Iterator[str]:
    """Yield a line per step, and with `with_fields` a line per field that it changes."""
    for operation, resource in operations:
        yield f"{operation:>8} {resource}"
        if with_fields:
            for line in changed_fields(changes.fields.get(resource, ())):
                yield f"{'':>8} {line}"


def _field_data(changes: Changes) -> dict[str, list[dict[str, Any]]]:
    """Return the changed fields of each resource as plain data."""
    data = {}
    for resource, differences in changes.fields.items():
        data[resource] = [difference.to_data() for difference in differences]
    return data


def changed_fields(changes: Iterable[Difference]) -> Iterator[str]:
    """Yield a line for each field that changes, with its old and its new value."""
    for change in changes:
        yield f"{change.field}: {brief(change.found)} -> {brief(change.wanted)}"

"""`up`: deploy a stack through Pulumi, and simulate its machines on a local control plane."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.attempts import Attempts
from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployment import (
    AdoptOption,
    AllowDeleteOption,
    AllowMassOption,
    DeployOptions,
    RestoreOption,
    WaitOption,
    can_do_without_engine,
    checked_deployment,
    follow_kubeconfig,
    names_kueue,
    on_target,
    part_of_run,
    pending_changes,
    require_own_description,
    try_deployment,
)
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, laid_out, next_line
from sovereign_ai.cli.target import (
    ClusterOption,
    KubeconfigOption,
    StackOption,
    YesOption,
    begin_fair_sharing,
    change_monitoring,
    change_queueing,
    confirm,
    install_definitions,
    require_one_cluster,
    start_target,
    target_options,
)
from sovereign_ai.cli.tracing import traced
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import merged
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cli.target import Target
    from sovereign_ai.cluster.api import Snapshot
    from sovereign_ai.deploy import (
        Changes,
        Checked,
        Engine,
        PulumiOutcome,
        Renames,
        StackDeployment,
        TerminationWatch,
    )
    from sovereign_ai.render.kubernetes import Bundle
    from sovereign_ai.verify import Drift


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("up", **example("sovereign-ai up stacks/lab"))
    def up(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        adopt: AdoptOption = False,
        allow_delete: AllowDeleteOption = None,
        allow_mass_deletion: AllowMassOption = False,
        wait: WaitOption = 60.0,
        restore: RestoreOption = False,
        yes: YesOption = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Deploy the stack.

        What somebody else changed in its objects is put back, or reported with exit code 1.
        """
        deletions = frozenset(allow_delete or ())
        options = DeployOptions(adopt, deletions, allow_mass_deletion, wait, restore)
        run_command("up", as_json, lambda output: _up(output, stack, cluster, kubeconfig, name, yes, options))


def _up(
    output: Output,
    path: Path,
    backend: Backend,
    kubeconfig: Path | None,
    name: str | None,
    yes: bool,
    deploy_options: DeployOptions,
) -> None:
    from dataclasses import asdict

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster import WRITES, require_reachable
    from sovereign_ai.deploy import gate, ready
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.plan import worker_notes
    from sovereign_ai.render.kubernetes import WEBHOOKS
    from sovereign_ai.sim import simulate

    stack = open_stack(path)
    bundle = stack.bundle(name)
    # Everything that may refuse the deployment comes before a control plane is started for it.
    traced("judge")(gate)(stack.factory, stack.plan, bundle)
    require_own_description(stack)
    require_one_cluster(backend, kubeconfig)
    ready(stack.folder)
    unplanned = name_unplanned(output, stack)
    target = start_target(stack, bundle.cluster, backend, kubeconfig, output)
    bundle = on_target(output, bundle, target)
    traced("reach cluster")(require_reachable)(target.api, bundle.objects, WRITES)
    options = target_options(backend, kubeconfig, name)
    # A further attempt does not ask again what was answered; one before which nothing was asked does.
    ask = cache(partial(confirm, target, "deploy to", yes, output))
    deployment = _Deployment(output, stack, bundle, target, options, deploy_options, ask)
    attempts = Attempts(output)
    data, lines = attempts.until_done(
        deployment.run, has_new_webhooks=any(obj["kind"] in WEBHOOKS for obj in bundle.objects)
    )
    begin_fair_sharing(target, stack, output)
    # Last of what may start the control plane anew: nothing of a deployment waits for what watches it.
    if watched := change_monitoring(target, stack, output):
        lines.append(watched)
    if target.simulated:
        simulated = attempts.until_done(
            partial(
                traced("simulate machines")(simulate),
                target.api,
                stack.factory,
                stack.plan,
                bundle.cluster,
                progress=output.progress,
                foreign=target.has_real_nodes,
            )
        )
        data["simulated"] = asdict(simulated)
        ready_machines = f"{simulated.ready} of {counted(simulated.nodes, 'machine')} ready"
        lines.append(f"simulated: {ready_machines}, {counted(simulated.slices, 'device list')}")
    if target.has_real_nodes:
        attempts.until_done(partial(_label_real_machines, target, stack, output))
        data["real"] = sorted(target.cluster.machines)
        lines.append(f"real: {', '.join(data['real'])}")
    data["failing"] = _failing(output, stack, bundle, target, lines)
    lines += [*attempts.lines, *unplanned_lines(unplanned)]
    data["unplanned"] = unplanned
    if bundle.cluster == stack.factory.name:
        lines += worker_notes(stack.factory)
    lines.append(next_line("verify", path, *options))
    code = ExitCode.FINDINGS if data["drift"] else ExitCode.OK
    output.finish(merged(data, attempts.data), laid_out(lines), code)


@traced("label real machines")
def _label_real_machines(target: Target, stack: Stack, output: Output) -> None:
    """Make real nodes what is planned under their names, and uncordon those that were drained for it.

    It comes after the deployment, as for simulated machines: what that permits was refused before it.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    from sovereign_ai.cli.real_nodes import place
    from sovereign_ai.deploy import arrivals, uncordon

    place(target.api, stack, target.control_plane, target.cluster, output)
    nodes = target.api.list("v1", "Node")
    arrived = arrivals(nodes, stack.factory.name, stack.plan, target.cluster.name)
    uncordon(target.api, arrived, output.progress)


@frozen_dataclass
class _Deployment:
    """One deployment of a stack to a cluster.

    Attributes:
        output: the command's output.
        stack: the description and its folder.
        bundle: the rendered objects.
        target: the open cluster.
        target_options: the options that name the same cluster in another command.
        options: the options of the deployment.
        ask: asks whether to deploy to a cluster of the user, and raises where the answer is no.
    """

    output: Output
    stack: Stack
    bundle: Bundle
    target: Target
    target_options: list[str]
    options: DeployOptions
    ask: Callable[[], None]

    def run(self) -> tuple[dict[str, Any], list[str]]:
        """Check the cluster and its objects, and deploy.

        Returns:
            Data for a program and lines for a person.
        """
        from sovereign_ai.deploy import Engine

        target = self.target
        engine = Engine(
            self.stack.folder, self.bundle.cluster, target.kubeconfig, self.output.progress, target.state_key
        )
        # A command that was stopped for long may have lost the stack to another: each of its writes looks.
        return replace(self, target=target.fenced(engine.require_hold)).apply(engine)

    def apply(self, engine: Engine) -> tuple[dict[str, Any], list[str]]:
        """Do the same with an engine, to a cluster whose writes come after a look at the hold.

        Args:
            engine: the stack's engine.
        """
        from sovereign_ai.deploy import (
            TerminationWatch,
            hand_back,
            is_always_restored,
            reading_of,
            release_after_kueue,
            remove_orphans,
            reports_only,
            resource_name,
            restore,
        )

        output, stack, target = self.output, self.stack, self.target
        leaves_drift = reports_only(stack.factory, restores=self.options.restores)
        # The lock spans checks and changes: no other command may change the state in between.
        with engine.hold("up"):
            follow_kubeconfig(output, engine, stack, self.bundle.cluster, target, self.target_options)
            # The program reads the settings, and would write to the cluster that they name.
            engine.require_one_cluster()
            engine.require_key()
            reading = reading_of(target.api, self.bundle.objects)
            deployment, checked, marked = self._checked(reading)
            try_deployment(reading, self.stack, marked, self.target, checked)
            engine.require_hold()
            if change_queueing(target, stack, output):
                reading.forget()  # Kueue's finalizers are gone, or new
            # What is made or deleted from here on hides what is renamed.
            self._claim(reading, deployment, checked, self._renames(reading, checked))
            held = deployment.stack.held or {}
            hand_back(target.api, checked.kept, output.progress)
            dropped = (*checked.left, *checked.superseded, *(key for key in checked.kept if key in held))
            engine.drop([held[key].urn for key in dropped])
            awaited = [key for key in held if key not in checked.in_use]
            watch = TerminationWatch(target.api, awaited, output.progress, self.options.wait_seconds)
            _prepare_engine(engine, deployment, stack, marked, watch)
            changes, refresh = self._changes(engine, reading, marked, leaves_drift=leaves_drift)
            is_quiet = can_do_without_engine(changes, checked)
            if is_quiet:
                outcome = self._without_engine(engine, deployment, marked, changes, reading)
            else:
                outcome = self._with_engine(engine, watch, changes, checked, marked, reading, refresh=refresh)
            engine.require_hold()
            remove_orphans(target.api, checked.orphans, deployment, output.progress)
            outcome = outcome.with_orphans([str(key) for key in checked.orphans])
            # A local control plane may be addressed by its kubeconfig too.
            if deployment.target.is_local:
                named = names_kueue(stack)
                release_after_kueue(target.api, marked.objects, output.progress, is_named=named)
            drifted = _drifted(changes, outcome, leaves_drift=leaves_drift)
            to_restore = [obj for obj in marked.objects if resource_name(obj) in drifted]
            restored = restore(target.api, to_restore, output.progress)
        if is_quiet:
            # The preparation has put policies back before anything else; the comparison before it named them.
            restored = sorted({*restored, *filter(is_always_restored, changes.restore)})
        remaining = _remaining_drift(stack, target, marked) if leaves_drift else []
        own = {
            "restored": restored,
            "drift": [drift.to_data() for drift in remaining],
            "cluster": self.bundle.cluster,
            "server": target.api.server,
            "objects": len(self.bundle.objects),
        }
        data = merged(own, checked.to_data(), outcome.to_data())
        left = {drift.resource for drift in remaining}
        lines = [*checked.lines_but_of(left), *outcome_lines(outcome)]
        lines += [f"restored {name}" for name in restored]
        lines += [f"drift: {drift}" for drift in remaining]
        return data, lines

    def _checked(self, reading: Snapshot) -> tuple[StackDeployment, Checked, Bundle]:
        """Check preconditions and confirm, and only then install definitions, which is the first write."""
        from sovereign_ai.deploy import require_approval, serves_all

        output, target = self.output, self.target
        deployment, checked, marked = checked_deployment(
            output, reading, self.stack, self.bundle, target, self.target_options, self.options
        )
        require_approval(checked)
        self.ask()
        install_definitions(target, marked.objects, output)
        if not serves_all(reading, marked.objects):
            reading.forget()  # it was made before the definitions were installed
        return deployment, checked, marked

    def _renames(self, reading: Snapshot, checked: Checked) -> Renames:
        """Return what this deployment takes for renamed."""
        from sovereign_ai.deploy import planned_renames

        stack, bundle = self.stack, self.bundle
        return planned_renames(
            reading, bundle.objects, stack.factory, stack.plan, bundle.cluster, checked.renames
        )

    @traced("claim cluster")
    def _claim(
        self,
        reading: Snapshot,
        deployment: StackDeployment,
        checked: Checked,
        renames: Renames | None = None,
    ) -> None:
        """Wait for objects that are being deleted, and claim the cluster for the stack."""
        from sovereign_ai.deploy import claim_cluster, remove_holders, wait_until_gone

        going = checked.terminating
        held = remove_holders(self.target.api, checked.orphans, self.output.progress)
        wait_until_gone(self.target.api, going, self.output.progress, self.options.wait_seconds)
        claim_cluster(self.target.api, checked, deployment, renames)
        if going or held or checked.takes_over:
            reading.forget()  # the objects that it holds are gone, or have another owner

    def _changes(
        self, engine: Engine, reading: Snapshot, bundle: Bundle, *, leaves_drift: bool
    ) -> tuple[Changes, bool]:
        """Return the changes, and whether the engine must refresh its state.

        Drift is no change where the description only reports it.
        """
        from sovereign_ai.deploy import needs_refresh, without_drift

        changes = pending_changes(engine, self.stack, reading, bundle)
        if not leaves_drift:
            return changes, changes.needs_refresh
        described = without_drift(changes, engine.checkpoint())
        return described, needs_refresh(described)

    @traced("apply")
    def _without_engine(
        self,
        engine: Engine,
        deployment: StackDeployment,
        marked: Bundle,
        changes: Changes,
        reading: Snapshot,
    ) -> PulumiOutcome:
        """Prepare the cluster and record a run; where the engine runs, its program prepares the cluster."""
        from sovereign_ai.deploy import arrivals, begin_preparation, reading_of, uncordon

        stack, output, kubeconfig = self.stack, self.output, self.target.kubeconfig
        engine.require_hold()
        if changes.restore:
            now = reading_of(self.target.api, marked.objects)
            finish = begin_preparation(
                stack.factory, stack.plan, marked, kubeconfig, deployment, output.progress, reading=now
            )
            finish()
        else:
            _keep_guarded(stack, marked, kubeconfig, output)
            if self.target.has_real_nodes or not self.target.simulated:
                nodes = reading.list("v1", "Node")
                arrived = arrivals(nodes, stack.factory.name, stack.plan, self.bundle.cluster)
                uncordon(self.target.api, arrived, output.progress)
        return engine.record("up", len(self.bundle.objects))

    @traced("apply by the engine")
    def _with_engine(
        self,
        engine: Engine,
        watch: TerminationWatch,
        changes: Changes,
        checked: Checked,
        marked: Bundle,
        reading: Snapshot,
        *,
        refresh: bool,
    ) -> PulumiOutcome:
        """Run `pulumi up`, and apply the changed policies while it starts.

        If the run ends because a deletion is blocked, the error names what blocks it.
        """
        from contextlib import nullcontext

        from sovereign_ai.deploy import applying_policies, explaining, is_understood

        part = part_of_run(engine, self.stack, changes, checked, marked)
        refresh = refresh or checked.cluster.remade
        early: AbstractContextManager[None] = nullcontext()
        # A program that the user edited may deploy other policies than those of the bundle. A refresh would
        # take policies that were applied a moment ago for those that the state holds.
        if is_understood(changes.full_run_reason) and not refresh:
            early = applying_policies(
                self.stack.factory,
                self.stack.plan,
                marked,
                self.target.kubeconfig,
                checked,
                reading,
                engine.require_hold,
                engine.working_copy,
            )
        with explaining(watch), early:
            return engine.up(refresh=refresh, part=part).with_replaced(checked.replaced)


def name_unplanned(output: Output, stack: Stack) -> list[str]:
    """Return the names of deployed stacks that the folder's description leaves behind, and report each."""
    from sovereign_ai.deploy import pulumi_state, unplanned_stacks

    planned = [cluster.name for cluster in stack.plan.clusters]
    names = unplanned_stacks(stack.folder, pulumi_state(), planned)
    for line in unplanned_lines(names):
        output.progress(line)
    return names


def unplanned_lines(names: Iterable[str]) -> list[str]:
    """Return a line for each stack that is deployed and not planned any more.

    A renamed factory or a removed site leaves one: the end of a command says so, since on a terminal the next
    line of progress replaces the one before.
    """
    way_out = "`sovereign-ai down` with the description that plans it removes it"
    lines = []
    for name in names:
        line = f"stack {name} is deployed and not planned any more: it stays as it is; {way_out}"
        lines.append(line)
    return lines


def _failing(
    output: Output, stack: Stack, bundle: Bundle, target: Target, lines: list[str]
) -> list[dict[str, Any]]:
    """Return the workloads whose pods do not run by now, and add a line for each: nothing waited for them."""
    from sovereign_ai.cluster.api import ApiError
    from sovereign_ai.verify import find_failing

    try:
        findings = find_failing(target.api, stack.factory, bundle.objects)
    except ApiError as error:
        # The deployment is done: who may deploy and not read every pod still learns what was deployed.
        output.progress(f"whether the controllers' pods run is not known: {error.problems[0].message}")
        return []
    for finding in findings:
        lines += [str(finding), f"    {finding.hint}"]
    return [finding.to_data() for finding in findings]


def _prepare_engine(
    engine: Engine, deployment: StackDeployment, stack: Stack, marked: Bundle, watch: TerminationWatch
) -> None:
    """Pass to the engine what was allowed, tried out and judged already, and let the watch see its steps."""
    from sovereign_ai.deploy import JUDGED_FILE, TRIED, judged_note, watching

    engine.env |= deployment.allowed.to_environment()
    # With this digest the program does not repeat the dry run of the same objects.
    engine.env[TRIED] = marked.digest
    engine.notes[JUDGED_FILE] = judged_note(stack.factory, stack.plan, marked)
    engine.watch = partial(watching, watch)


def _drifted(changes: Changes, outcome: PulumiOutcome, *, leaves_drift: bool) -> set[str]:
    """Return the names of the resources that still differ after the engine's run."""
    from sovereign_ai.deploy import is_always_restored

    # The engine compares only the fields that it once sent: a resource that differed and was no step of it
    # still differs.
    drifted = {*changes.restore, *changes.update, *changes.adopt}
    for _, name in outcome.steps:
        drifted.discard(name)
    if not leaves_drift:
        return drifted
    return {name for name in drifted if is_always_restored(name)}


def _remaining_drift(stack: Stack, target: Target, bundle: Bundle) -> list[Drift]:
    """Return the drift that a deployment which only reports drift left on the cluster."""
    from sovereign_ai.deploy import reported
    from sovereign_ai.verify import observe

    return reported(observe(target.api, stack.factory, bundle.objects), bundle.objects)


def _keep_guarded(stack: Stack, bundle: Bundle, kubeconfig: Path, output: Output) -> None:
    """Check that a local control plane still guards its admission policies and keeps its keys."""
    from sovereign_ai.deploy import prepare_control_plane

    for line in prepare_control_plane(stack.factory, stack.plan, bundle, kubeconfig):
        output.progress(line)


def outcome_lines(outcome: PulumiOutcome) -> list[str]:
    """Return a run of the engine in two lines: its changes, and the path of its log."""
    counts = [f"{number} {operation}" for operation, number in sorted(outcome.changes.items())]
    changes = ", ".join(counts) or "no changes"
    return [f"{outcome.verb}: {changes}; {outcome.same} unchanged", f"log: {outcome.log}"]

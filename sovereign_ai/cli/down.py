"""`down`: remove the objects of a stack and the simulated nodes, and stop the local control plane."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.attempts import Attempts
from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployment import (
    AllowDeleteOption,
    WaitOption,
    deployment_of,
    follow_kubeconfig,
    require_own_state,
)
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, wrapped
from sovereign_ai.cli.target import (
    ClusterOption,
    KubeconfigOption,
    StackOption,
    YesOption,
    confirm,
    open_target,
    require_one_cluster,
    target_options,
)
from sovereign_ai.cli.up import outcome_lines
from sovereign_ai.cluster.backends import control_plane
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.errors import UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import merged
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cli.target import Target
    from sovereign_ai.cluster.control_plane import ControlPlane
    from sovereign_ai.deploy import Engine, PulumiOutcome, Removal, StackDeployment, TerminationWatch


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("down", **example("sovereign-ai down stacks/lab"))
    def down(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        keep_cluster: Annotated[
            bool, typer.Option("--keep-cluster", help="Leave the local cluster running, empty.")
        ] = False,
        forget: Annotated[
            bool,
            typer.Option(
                "--forget",
                help="Drop from the state the objects of a cluster that is gone; contact no cluster.",
            ),
        ] = False,
        allow_delete: AllowDeleteOption = None,
        wait: WaitOption = 60.0,
        yes: YesOption = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Remove what the stack deployed; a local cluster is stopped as well."""
        if forget:
            run_command("down", as_json, lambda output: _forget(output, stack, cluster, name))
            return
        options = _Options(
            stack, cluster, kubeconfig, name, keep_cluster, yes, frozenset(allow_delete or ()), wait
        )
        run_command("down", as_json, lambda output: _down(output, options))


@frozen_dataclass
class _Options:
    """The options of a removal.

    Attributes:
        path: the stack's folder.
        backend: the kind of cluster.
        kubeconfig: the user's own kubeconfig, if that names the cluster.
        name: the cluster's name in the plan; None for the only one.
        keep: whether a local control plane stays.
        yes: whether the question about a cluster of the user is answered by an option.
        allow_delete: namespaces and definitions that may be deleted with all that others keep there.
        wait_seconds: how long to wait for an object whose deletion is blocked.
    """

    path: Path
    backend: Backend
    kubeconfig: Path | None
    name: str | None
    keep: bool
    yes: bool
    allow_delete: frozenset[str]
    wait_seconds: float


def _down(output: Output, options: _Options) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster import require_reachable

    require_one_cluster(options.backend, options.kubeconfig)
    stack = open_stack(options.path)
    cluster = stack.cluster(options.name)
    plane = control_plane(options.backend, cluster, options.kubeconfig)
    if plane.is_local and not plane.kubeconfig.is_file():
        _forget_gone_cluster(output, stack, plane)
        return
    target = open_target(cluster, options.backend, options.kubeconfig, output.progress)
    require_reachable(target.api)
    is_stopped = target.simulated and not options.keep
    # A further attempt does not ask again what was answered.
    ask = cache(partial(confirm, target, "remove this factory from", options.yes, output))
    removing = _FactoryRemoval(output, stack, target, options, is_stopped, ask)
    attempts = Attempts(output)
    lines, data = attempts.until_done(removing.run)
    # What was removed before stays removed, and is told once.
    if data["other_stacks"]:
        # A factory that another state holds goes on, with its machines.
        if is_stopped:
            lines.append(_running_line(target))
    else:
        attempts.until_done(partial(_remove_simulation, stack, cluster, target))
        lines += _end_simulation(output, cluster, target, is_stopped)
    output.finish(merged({"cluster": cluster}, data, attempts.data), [*lines, *attempts.lines])


@frozen_dataclass
class _FactoryRemoval:
    """The removal of one stack from a cluster.

    Attributes:
        output: the command's output.
        stack: the description and its folder.
        target: the open cluster.
        options: the options of the removal.
        is_stopped: whether the control plane is stopped afterwards, if no other stack has objects there.
        ask: asks whether to remove from a cluster of the user, and raises where the answer is no.
    """

    output: Output
    stack: Stack
    target: Target
    options: _Options
    is_stopped: bool
    ask: Callable[[], None]

    def run(self) -> tuple[list[str], dict[str, Any]]:
        """Check whose each object is, and remove those of the stack.

        It may be called again after it failed, for everything is decided anew, by what is left.

        Returns:
            Lines for a person and data for a program.
        """
        from sovereign_ai.deploy import (
            Engine,
            check_removal,
            needs_engine,
            other_stacks,
            require_deletable,
            require_only_deployment,
        )

        output, stack, target, options = self.output, self.stack, self.target, self.options
        cluster = stack.cluster(options.name)
        same_cluster = target_options(options.backend, options.kubeconfig, options.name)
        engine = Engine(stack.folder, cluster, target.kubeconfig, output.progress, target.state_key)
        # The lock spans checks and removal: no other command may change the state in between.
        with engine.hold("down"):
            target = target.fenced(engine.require_hold)
            follow_kubeconfig(output, engine, stack, cluster, target, same_cluster)
            deployment = deployment_of(stack, cluster, target, same_cluster)
            require_own_state(deployment, target.state_key, target.api)
            require_only_deployment(deployment.stack)
            if needs_engine(engine.checkpoint()):
                engine.require_key()
            removal = check_removal(target.api, deployment)
            others = other_stacks(target.api, deployment)
            # The objects of others go with a control plane that is stopped; only on one that stays are they a
            # loss.
            if others or not self.is_stopped:
                _report_losses(output, target, removal, options)
            going = (*removal.ours, *removal.orphans)
            require_deletable(target.api, going, opens_guard=deployment.target.is_local)
            self.ask()
            lines, data = _remove(output, engine, target, deployment, removal, options.wait_seconds)
            lines += map(_other_stack_line, others)
            return lines, merged(data, {"other_stacks": others})


def _other_stack_line(stack: str) -> str:
    """Return that another stack's objects stay, and how they are removed."""
    return (
        f"what another stack of this factory deployed stays, {stack}: "
        "run this command with the state that made it; if that is lost, "
        "`sovereign-ai up --adopt` takes it over, and this command then removes it"
    )


def _running_line(target: Target) -> str:
    """Return that a local control plane was not stopped, and what stops it."""
    plane = target.control_plane
    return (
        f"the {plane.backend} cluster {plane.name} still runs; `sovereign-ai cluster down {plane.name} "
        f"--cluster {plane.backend}` removes it with all that it has"
    )


def _report_losses(output: Output, target: Target, removal: Removal, options: _Options) -> None:
    """Report what others lose on a cluster that stays.

    Volumes, and objects whose definition goes, are deleted only where an option names them.

    Raises:
        UsageError: `--allow-delete` does not name a namespace that holds volumes, or a definition of whose
            kind others have objects.
    """
    from sovereign_ai.deploy import Allowed, losses, removed_definition_problems, volume_problems

    allowed, going = Allowed(options.allow_delete), {*removal.ours, *removal.orphans}
    namespace_losses = losses(target.api, removal.namespaces)
    problems = volume_problems(namespace_losses, allowed)
    problems += removed_definition_problems(target.api, going, removal.namespaces, allowed)
    if problems:
        raise UsageError(problems)
    for loss in namespace_losses:
        if not loss.is_empty:
            output.progress(f"namespace {loss.namespace} goes with {loss}")


def _remove(
    output: Output,
    engine: Engine,
    target: Target,
    deployment: StackDeployment,
    removal: Removal,
    wait_seconds: float,
) -> tuple[list[str], dict[str, Any]]:
    """Remove the objects that the stack deployed.

    Returns:
        Lines for a person and data for a program.
    """
    from sovereign_ai.deploy import TerminationWatch, remove_holders, remove_leftovers, wait_until_gone

    lines: list[str] = removal.lines
    data: dict[str, Any] = {"left": sorted(map(str, removal.left))}
    for line in lines:
        output.progress(line)
    going = (*removal.ours, *removal.orphans)
    watch = TerminationWatch(target.api, going, output.progress, wait_seconds)
    leftovers = remove_holders(target.api, removal.orphans, output.progress)
    if engine.exists():
        held = deployment.stack.held or {}
        # On a cluster that was made again under the same name, nothing of the state exists any more.
        is_remade = removal.cluster.remade
        dropped = list(held) if is_remade else [key for key in removal.left if key in held]
        engine.drop([held[key].urn for key in dropped])
        outcome = _destroy(output, engine, target, deployment, removal, watch, wait_seconds)
        lines += outcome_lines(outcome)
        data = merged(data, outcome.to_data())
        if is_remade:
            data["forgotten"] = len(dropped)
    # Objects that a command created and died before the state was written are in no state.
    leftovers = sorted({*leftovers, *remove_leftovers(target.api, deployment, output.progress)})
    wait_until_gone(target.api, going, output.progress, wait_seconds)
    if leftovers:
        lines.append(f"removed {counted(len(leftovers), 'object')} that an interrupted command had left")
    deployment.stack.record.drop_clusters()
    data["leftovers"] = leftovers
    return lines, data


def _destroy(
    output: Output,
    engine: Engine,
    target: Target,
    deployment: StackDeployment,
    removal: Removal,
    watch: TerminationWatch,
    wait_seconds: float,
) -> PulumiOutcome:
    """Remove the objects of the state.

    Pulumi's engine does it only where it is needed; removing them directly is faster.
    """
    from sovereign_ai.deploy import explaining, needs_engine, remove_directly, watching

    if not needs_engine(engine.checkpoint()):
        return remove_directly(engine, target.api, removal, deployment, output.progress, wait_seconds)
    engine.watch = partial(watching, watch)
    with explaining(watch):
        return engine.destroy()


def _remove_simulation(stack: Stack, cluster: str, target: Target) -> None:
    """Remove the simulated nodes, and this program's labels from real ones; those that are gone stay so."""
    from sovereign_ai.cli.real_nodes import leave
    from sovereign_ai.sim import remove

    if target.has_real_nodes:
        leave(target.api, target.control_plane, target.cluster.machines)
    if target.simulated:
        remove(target.api, stack.factory, cluster)


def _end_simulation(output: Output, cluster: str, target: Target, is_stopped: bool) -> list[str]:
    """Stop a local control plane if that was requested.

    Args:
        output: the command's output.
        cluster: the cluster's name in the plan.
        target: the open cluster.
        is_stopped: whether the control plane is stopped.

    Returns:
        Lines for a person.
    """
    from sovereign_ai.cli.real_nodes import end

    if not target.simulated:
        return []
    lines = ["removed the simulated nodes"]
    if is_stopped:
        end(target.control_plane, output)
        lines.append(f"stopped the {target.control_plane.backend} cluster {cluster}")
    return lines


def _forget_gone_cluster(output: Output, stack: Stack, plane: ControlPlane) -> None:
    """Drop from the state the objects of a local control plane that does not exist any more.

    Args:
        output: the command's output.
        stack: the description and its folder.
        plane: the local control plane.

    Raises:
        EnvironmentLacksError: the state holds objects of another cluster, which still exist.
    """
    from sovereign_ai.errors import EnvironmentLacksError

    cluster, backend = plane.name, plane.backend
    engine = _known_engine(output, stack, plane)
    if engine is None:
        _drop_cluster(stack, plane)
        line = f"nothing to remove: there is no {backend} cluster {cluster}"
        output.finish({"cluster": cluster, "forgotten": 0}, [line])
        return
    if elsewhere := engine.standing().elsewhere(plane.kubeconfig):
        raise EnvironmentLacksError(elsewhere)
    _require_only_deployment(stack, plane)
    count = engine.forget()
    _drop_cluster(stack, plane)
    objects_text = counted(count, "object")
    line = f"the {backend} cluster {cluster} is gone, and with it the {objects_text} that the state held"
    output.finish({"cluster": cluster, "forgotten": count}, wrapped(line))


def _forget(output: Output, path: Path, backend: Backend, name: str | None) -> None:
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    cluster = stack.cluster(name)
    plane = control_plane(backend, cluster)
    engine = _known_engine(output, stack, plane)
    if engine is None:
        _drop_cluster(stack, plane)
        line = f"nothing to forget: the state knows no stack {cluster}"
        output.finish({"cluster": cluster, "forgotten": 0}, [line])
        return
    # Read before the state is emptied.
    kubeconfig = engine.standing().kubeconfig
    _require_only_deployment(stack, plane)
    count = engine.forget()
    _drop_cluster(stack, plane)
    lines = [f"forgot {counted(count, 'object')} of {cluster}"]
    if count:
        lines.append(f"if the cluster of {kubeconfig} still runs, they still exist there")
    data = {
        "cluster": cluster,
        "forgotten": count,
        "kubeconfig": str(kubeconfig) if kubeconfig else None,
    }
    output.finish(data, lines)


def _require_only_deployment(stack: Stack, plane: ControlPlane) -> None:
    """Check that nothing else is dropped from the state with the stack's own deployment.

    Raises:
        UsageError: the program has deployed to other clusters too.
    """
    from sovereign_ai.deploy import context_of_stack, require_only_deployment

    require_only_deployment(context_of_stack(stack.folder, plane.name, stack.factory.name, plane.state_key))


def _drop_cluster(stack: Stack, plane: ControlPlane) -> None:
    """Record that the stack is deployed nowhere.

    It keeps its UUID, by which it recognises its objects later.
    """
    from sovereign_ai.deploy import context_of_stack

    context = context_of_stack(stack.folder, plane.name, stack.factory.name, plane.state_key)
    context.record.drop_clusters()


def _known_engine(output: Output, stack: Stack, plane: ControlPlane) -> Engine | None:
    """Return the engine of a stack whose cluster is not contacted; None if the state knows no such stack."""
    from sovereign_ai.deploy import Engine, pulumi_state

    # The engine needs the pulumi tool; a state without this folder is empty, which needs no tool to see.
    if not (pulumi_state(plane.state_key) / ".pulumi").is_dir():
        return None
    engine = Engine(stack.folder, plane.name, None, output.progress, plane.state_key)
    return engine if engine.exists() else None

"""The deployment of a stack to a cluster, its options and its checks, for `up`, `preview` and `down`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.tracing import traced
from sovereign_ai.frozen_dataclass import frozen_dataclass

if TYPE_CHECKING:
    from sovereign_ai.cli.output import Output
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cli.target import Target
    from sovereign_ai.cluster.api import Api
    from sovereign_ai.deploy import Changes, Checked, Engine, PartialRun, StackDeployment
    from sovereign_ai.render.kubernetes import Bundle

AdoptOption = Annotated[
    bool,
    typer.Option("--adopt", help="Take over what a stack of this factory deployed whose state is lost."),
]
AllowDeleteOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-delete",
        metavar="NAME",
        help="Delete this namespace, or definition of a kind, with what others keep there; may be repeated.",
    ),
]
AllowMassOption = Annotated[
    bool,
    typer.Option("--allow-mass-deletion", help="Delete more than half of the stack's objects."),
]
WaitOption = Annotated[
    float,
    typer.Option(
        "--wait", min=1, metavar="SECONDS", help="How long to wait for an object whose deletion is blocked."
    ),
]
RestoreOption = Annotated[
    bool,
    typer.Option(
        "--restore", help="Put back what somebody changed, also where the description says `drift: report`."
    ),
]


@frozen_dataclass
class DeployOptions:
    """The options of a deployment for steps that are never taken unasked.

    Attributes:
        adopts: whether to take over objects of this factory's stacks whose state is lost.
        deletions: namespaces that may be deleted with all that others keep in them.
        mass: whether most of the stack's objects may be deleted.
        wait_seconds: how long to wait for a deleted object while nothing about it changes.
        restores: whether drift is put back, whatever the description states.
    """

    adopts: bool = False
    deletions: frozenset[str] = frozenset()
    mass: bool = False
    wait_seconds: float = 60.0
    restores: bool = False


def require_own_description(stack: Stack) -> None:
    """Check that the stack's program deploys the file that this command has read.

    Raises:
        SpecError: it loads another one, or none.
    """
    from sovereign_ai.deploy import loaded_by
    from sovereign_ai.errors import Problem, SpecError, Where
    from sovereign_ai.spec import description_file

    loaded = loaded_by(stack.folder)
    if loaded is None:
        # A program of the user's own is told by its deployment what the command has read.
        return
    try:
        is_same = description_file(stack.folder / loaded).samefile(stack.file)
    except SpecError:
        is_same = False
    if not is_same:
        name = stack.file.name
        message = f"the stack's program loads {loaded}, and this command has read {name}"
        hint = f'write `sai.load("{name}")` in it'
        if (stack.folder / loaded).is_file():
            hint += f", or name {loaded} to this command"
        raise SpecError(Problem("other-description", message, Where(str(stack.folder / "__main__.py")), hint))


def deployment_of(
    stack: Stack,
    cluster: str,
    target: Target,
    options: Sequence[str],
    deploy_options: DeployOptions | None = None,
) -> StackDeployment:
    """Return the deployment of a stack to a cluster.

    Args:
        stack: the description and its folder.
        cluster: the cluster's name in the plan.
        target: the open cluster.
        options: the options that name the same cluster in another command.
        deploy_options: the options of the deployment; None for their defaults.
    """
    from sovereign_ai.deploy import Allowed, DeployTarget, StackDeployment, context_of_stack, is_local

    context = context_of_stack(stack.folder, cluster, stack.factory.name, target.state_key)
    # `--cluster kubeconfig` may name the file of a local control plane, which stays a local one.
    local = target.simulated or is_local(cluster, target.kubeconfig)
    deploy_target = DeployTarget(
        cluster,
        context.deployment,
        target.kubeconfig,
        is_local=local,
        folder=stack.folder,
        options=f" {shlex.join(options)}" if options else "",
    )
    chosen = deploy_options or DeployOptions()
    allowed = Allowed(chosen.deletions, chosen.mass)
    return StackDeployment(context, deploy_target, stack.factory.name, adopts=chosen.adopts, allowed=allowed)


def on_target(output: Output, bundle: Bundle, target: Target) -> Bundle:
    """Return a bundle without the controllers that are left out on a cluster, and say which these are."""
    from sovereign_ai.deploy import left_out_lines, on_cluster

    kept = on_cluster(bundle, target.kubeconfig)
    for line in left_out_lines(kept):
        output.progress(line)
    return kept


@traced("check cluster")
def checked_deployment(
    output: Output,
    api: Api,
    stack: Stack,
    bundle: Bundle,
    target: Target,
    options: Sequence[str],
    deploy_options: DeployOptions,
) -> tuple[StackDeployment, Checked, Bundle]:
    """Check that the cluster is the right one and that nobody else owns an object with a planned name.

    The cluster is only read.

    Args:
        output: reports what a person should know before the deployment begins.
        api: the cluster, or a snapshot of it.
        stack: the description and its folder.
        bundle: the rendered objects.
        target: the open cluster.
        options: the options that name the same cluster in another command.
        deploy_options: the options of the deployment.

    Returns:
        The deployment, the result of the checks, and the bundle with the stack's identity in its objects.

    Raises:
        EnvironmentLacksError: it is another cluster, or others own objects with planned names.
        ApiError: a permission to read is missing.
        UnreachableError: the API server did not answer.
    """
    from dataclasses import replace

    from sovereign_ai.deploy import check_preconditions, release_lines

    deployment = deployment_of(stack, bundle.cluster, target, options, deploy_options)
    require_own_state(deployment, target.state_key, target.api)
    marked = bundle.of_stack(deployment.stack.identity)
    checked = check_preconditions(api, marked.objects, deployment)
    if checked.kept:
        checked = replace(checked, releases=tuple(release_lines(api, is_named=names_kueue(stack))))
    for line in checked.lines_for(stack.factory, restores=deploy_options.restores):
        output.progress(line)
    return deployment, checked, marked


def names_kueue(stack: Stack) -> bool:
    """Return whether a description's platform queues with Kueue."""
    platform = stack.factory.platform
    return platform is not None and "kueue" in platform.queueing


@traced("compare")
def pending_changes(engine: Engine, stack: Stack, api: Api, bundle: Bundle) -> Changes:
    """Compare description, state and live cluster, without running Pulumi's engine.

    Args:
        engine: the stack's engine, whose state is read.
        stack: the description.
        api: the cluster, or a snapshot of it.
        bundle: the rendered objects with the stack's identity.
    """
    from dataclasses import replace

    from sovereign_ai.deploy import OWN_PROGRAM, PROVIDER_VERSION, compare, loaded_by, provider_inputs
    from sovereign_ai.verify import observe

    digests = digests_of(stack, bundle)
    provider = provider_inputs(stack.factory, engine.program_kubeconfig())
    # The state holds the provider's version beside its inputs; a new version is a change too.
    provider = {**provider, "version": PROVIDER_VERSION}
    observed = observe(api, stack.factory, bundle.objects)
    changes = compare(bundle, digests, provider, engine.checkpoint(), observed)
    if loaded_by(stack.folder) is not None or changes.needs_refresh:
        return changes
    # A program that the user edited may declare further resources, which only the engine can compare.
    return replace(changes, full_run_reason=OWN_PROGRAM)


def can_do_without_engine(changes: Changes, checked: Checked) -> bool:
    """Return whether nothing is left to do for Pulumi's engine.

    The engine is not needed where there is nothing but drift, on the same cluster, with no object of others
    in the way.
    """
    return (
        not changes.needs_engine
        and not checked.cluster.remade
        and not checked.unapproved
        and not _is_waiting(checked)
    )


def _is_waiting(checked: Checked) -> bool:
    """Return whether objects are about to be taken over, removed, replaced or dropped from the state."""
    waiting = (
        checked.takes_over,
        checked.leaving,
        checked.left,
        checked.replaces,
        checked.orphans,
        checked.kept,
    )
    return any(waiting)


def digests_of(stack: Stack, bundle: Bundle) -> dict[str, str]:
    """Return the inputs of a factory's Pulumi component: the digests of all that it is built from."""
    return {
        "spec": stack.factory.digest,
        "plan": stack.plan.digest,
        "bundle": bundle.digest,
        "cluster": bundle.cluster,
    }


@traced("try out")
def try_deployment(api: Api, stack: Stack, bundle: Bundle, target: Target, checked: Checked) -> None:
    """Send what is written and what leaves as dry runs: what is refused stops a deployment before any write.

    Args:
        api: the cluster, or a snapshot of it.
        stack: the description and its folder.
        bundle: the objects with the stack's identity.
        target: the open cluster.
        checked: the result of the checks, which says what leaves.

    Raises:
        SpecError: the API server would refuse an object.
        EnvironmentLacksError: a permission or a definition of Kueue lacks, or a policy of the cluster forbids
            an object or keeps one.
        ApiError: the server did not decide.
        UnreachableError: there was no answer.
    """
    from sovereign_ai.cli.target import require_definitions
    from sovereign_ai.deploy import deleted_objects, locator_of, policies_accepted_by, try_out, withdrawn
    from sovereign_ai.sim import dry_run_samples

    require_definitions(target, bundle.objects, api)
    nodes = dry_run_samples(stack.factory, stack.plan, bundle.cluster) if target.simulated else []
    accepted = policies_accepted_by(target.api, is_local=target.simulated)
    judged = withdrawn(api, bundle.objects, stack.factory.name)
    leaving = deleted_objects(judged, (*checked.leaving, *checked.replaces))
    place = locator_of(stack.factory)
    planned = [*bundle.objects, *nodes]
    try_out(api, planned, place, accepted, leaving=leaving, opens_guard=checked.claim.is_local)


def part_of_run(
    engine: Engine, stack: Stack, changes: Changes, checked: Checked, bundle: Bundle
) -> PartialRun | None:
    """Return the resources that a run of the engine is limited to; None if it has to see all of them."""
    from sovereign_ai.deploy import partial_run

    # On a new cluster every object has to be created, and objects that wait are not in the comparison.
    if checked.cluster.remade or _is_waiting(checked):
        return None
    return partial_run(changes, bundle, digests_of(stack, bundle), engine.checkpoint())


def follow_kubeconfig(
    output: Output, engine: Engine, stack: Stack, cluster: str, target: Target, options: Sequence[str]
) -> None:
    """Put this command's kubeconfig into the state, if the one there was moved and the cluster is the same.

    Args:
        output: reports that it was moved.
        engine: the stack's engine.
        stack: the description and its folder.
        cluster: the cluster's name in the plan.
        target: the open cluster.
        options: the options that name the same cluster in another command.

    Raises:
        EnvironmentLacksError: another command works on the stack, or its state cannot be used.
        UnreachableError: there was no answer.
    """
    from sovereign_ai.deploy import moved_kubeconfig

    state_cluster = engine.standing()
    if state_cluster.is_on(target.kubeconfig):
        return
    deployment = deployment_of(stack, cluster, target, options)
    if moved := moved_kubeconfig(target.api, deployment, state_cluster):
        engine.follow(moved)
        output.progress(moved.line)


def require_own_state(deployment: StackDeployment, control_plane: str, api: Api) -> None:
    """Check that the stack's state belongs to the cluster of the command.

    Args:
        deployment: the stack and the cluster.
        control_plane: which Pulumi state is meant, as `Target.state_key` returns it.
        api: the cluster.

    Raises:
        EnvironmentLacksError: the objects in the state were deployed with another kubeconfig or context.
        UnreachableError: there was no answer.
    """
    from sovereign_ai.deploy import moved_kubeconfig, read_target
    from sovereign_ai.errors import EnvironmentLacksError

    target = deployment.target
    state_cluster = read_target(target.name, target.folder, deployment.stack.resources or (), control_plane)
    # A preview follows a kubeconfig that was moved in its own copy of the state only.
    if moved_kubeconfig(api, deployment, state_cluster) is not None:
        return
    if elsewhere := state_cluster.elsewhere(target.kubeconfig):
        raise EnvironmentLacksError(elsewhere)

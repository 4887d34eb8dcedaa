"""The Pulumi components: one for the factory, and one below it for each component of the description.

A component registers one resource for each object of its part of the bundle. It adds no description of its
own. Type tokens are `sovereign:index:<Name>`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any

import pulumi

from sovereign_ai.cluster.api import Snapshot, named_server, open_cluster
from sovereign_ai.deploy.allowed_deletions import allowed_by
from sovereign_ai.deploy.components.children import (
    Children,
    declared_urns,
    former_names,
    parent_type,
    require_options,
)
from sovereign_ai.deploy.components.given_provider import require_same_cluster
from sovereign_ai.deploy.components.judged import is_judged, require_same_description
from sovereign_ai.deploy.components.provider import PROVIDER_VERSION, provider_inputs
from sovereign_ai.deploy.components.resources import PartComponent, limits_by_namespace
from sovereign_ai.deploy.components.rule_check import gate
from sovereign_ai.deploy.control_plane_setup import is_local
from sovereign_ai.deploy.dry_run import TRIED, deleted_objects, locator_of, try_out
from sovereign_ai.deploy.engine.partial_run import Registered, registered
from sovereign_ai.deploy.live.accepted_policies import policies_accepted_by
from sovereign_ai.deploy.live.cluster_identity import DeployTarget
from sovereign_ai.deploy.live_objects import ObjectKey
from sovereign_ai.deploy.moves.deployment_names import require_known_names
from sovereign_ai.deploy.moves.deployment_roots import component_urns, parent_type_of, require_known_place
from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.preconditions import previewed_deletions, previewed_replacements
from sovereign_ai.deploy.preparation import begin_preparation
from sovereign_ai.deploy.program import Deployment, Program, current
from sovereign_ai.deploy.reading import reading_of
from sovereign_ai.deploy.refusal import note_refusal
from sovereign_ai.deploy.removal.withdrawal import withdrawn
from sovereign_ai.deploy.simulated_planes import on_cluster
from sovereign_ai.deploy.stack_deployment import StackDeployment
from sovereign_ai.deploy.state.stack_context import context_of_program
from sovereign_ai.deploy.state.stack_record import backend_folder, current_backend
from sovereign_ai.errors import Problem, SovereignError, SpecError, UsageError
from sovereign_ai.names import KEYS
from sovereign_ai.plan import Plan, plan
from sovereign_ai.render.kubernetes import Bundle, is_of_platform, prerequisites, render
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted


class FactoryDeployment(pulumi.ComponentResource):
    """A whole factory on one cluster, deployed only if the rules permit it.

    A program may declare several: several factories, or the clusters of one. Children are named after their
    deployment.

    Args:
        name: the resource's name, as a rule the factory's.
        factory: the description.
        opts: Pulumi's options; `children.py` documents how each reaches the children. A Kubernetes provider
            in it is used if it leads to the target cluster; without one, the deployment creates its own.
        cluster: which of the plan's clusters this deployment is; left out, the stack's name decides where the
            plan has several.
        kubeconfig: the file of the cluster; left out, the stack's configuration `sovereign:kubeconfig`, else
            KUBECONFIG.
        context: the file's context; left out, its current one.

    Attributes:
        spec: the digest of the description.
        plan: the digest of the plan.
        bundle: the digest of the Kubernetes objects.
        cluster: the cluster's name in the plan.
        digests: these four by name, to export them.

    Raises:
        pulumi.RunError: bad input or a violation, with every finding in its text.
    """

    spec: pulumi.Output[str]
    plan: pulumi.Output[str]
    bundle: pulumi.Output[str]
    cluster: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        factory: AIFactory,
        opts: pulumi.ResourceOptions | None = None,
        *,
        cluster: str | None = None,
        kubeconfig: str | Path | None = None,
        context: str | None = None,
    ) -> None:
        """Plan, check, and only then declare resources."""
        try:
            require_options(opts)
            require_plain(cluster=cluster, kubeconfig=kubeconfig, context=context)
            derived = plan(factory, factory.where)
            bundle = render(factory, derived, choose_cluster(derived, cluster or pulumi.get_stack()))
            require_same_description(current_backend(), factory, bundle)
            if not is_judged(current_backend(), factory, derived, bundle):
                gate(factory, derived, bundle)
            settings = provider_settings(factory, kubeconfig, context)
            bundle = on_cluster(bundle, Path(settings["kubeconfig"]))
            program = current()
            program.add(_deployment(name, bundle, settings))
            deployment = stack_deployment(name, factory, bundle.cluster, settings)
            program.known |= component_urns(deployment.stack.resources or ())
            bundle = bundle.of_stack(deployment.stack.identity)
            file, file_context = Path(settings["kubeconfig"]), settings.get("context")
            reading = reading_of(open_cluster(file, file_context), bundle.objects)
            # A command that has tried the same bundle spares the program the dry runs.
            if os.environ.get(TRIED) != bundle.digest:
                place, accepted = locator_of(factory), policies_accepted_by(reading.api)
                leaving = _deleted(reading, factory, bundle, deployment)
                opens = deployment.target.is_local
                try_out(reading, bundle.objects, place, accepted, leaving=leaving, opens_guard=opens)
            _require_known_urns(reading, bundle, deployment, opts)
            replaced: frozenset[ObjectKey] = frozenset()
            finish: Callable[[], None] = _nothing
            if pulumi.runtime.is_dry_run():
                replaced = previewed_replacements(reading, bundle.objects, deployment)
            else:
                run = backend_folder(current_backend())
                finish = begin_preparation(
                    factory, derived, bundle, file, deployment, pulumi.log.info, reading=reading, run=run
                )
        except SovereignError as error:
            raise _refused(error) from None
        digests = {
            "spec": factory.digest,
            "plan": derived.digest,
            "bundle": bundle.digest,
            "cluster": bundle.cluster,
        }
        super().__init__("sovereign:index:FactoryDeployment", name, digests, opts)
        given = self.get_provider("kubernetes:core/v1:Namespace")
        # Its end waits for the thread: whatever else a program declares comes under the new policies, too.
        with ThreadPoolExecutor(max_workers=1) as executor:
            finished = executor.submit(copy_context().run, finish)
            require_place = partial(require_known_place, reading, bundle.objects, deployment.stack)
            in_place = self._in_place(program, opts, deployment.stack.urns, require_place)
            waiting = _ready(program, given, settings, finished, in_place)
            ready: pulumi.Output[Any] = pulumi.Output.from_input(waiting)
            children = Children(self.pulumi_resource_name, opts, ready)
            provider = given or self._provider_of_its_own(children, settings)
            chosen = registered(current_backend(), bundle)
            program.claims += self._declare(bundle, children, provider, replaced, chosen)
        _require_success(finished)
        self.digests = {key: pulumi.Output.from_input(value) for key, value in digests.items()}
        self.spec, self.plan, self.bundle, self.cluster = self.digests.values()
        self.register_outputs(digests)

    async def _in_place(
        self,
        program: Program,
        opts: pulumi.ResourceOptions | None,
        held: Collection[str],
        require_place: Callable[[Callable[[Mapping[str, Any]], bool]], object],
    ) -> None:
        """Note where this deployment is declared, and require that its objects have been there before.

        Args:
            program: the deployments of this program.
            opts: the options of this one.
            held: the URNs of the state.
            require_place: refuses components of the state which a function says are not of this
                deployment, and which have objects of it.

        Raises:
            pulumi.RunError: the state has them elsewhere.
        """
        urns = await declared_urns(self, opts, held)
        program.urns |= urns
        try:
            require_place(lambda root: root["urn"] in urns)
        except SovereignError as error:
            raise _refused(error) from None

    def _declare(
        self,
        bundle: Bundle,
        children: Children,
        provider: pulumi.ProviderResource,
        replaced: frozenset[ObjectKey],
        chosen: Registered | None,
    ) -> list[PartComponent]:
        """Create the parts with their objects, and return them."""
        made: dict[str, pulumi.Resource] = {}
        below = pulumi.ResourceOptions(parent=self, providers=[provider])
        names = chosen.objects if chosen else None
        needs = prerequisites(bundle.objects)
        by_name: dict[str, PartComponent] = {}
        for name, objects in bundle.by_component().items():
            if chosen is None or name in chosen.parts:
                by_name[name] = PartComponent(name, objects, children, below, names, needs)
        parts = list(by_name.values())
        # In the order of what each needs, also where the needed object is another controller's.
        for obj in filter(is_of_platform, bundle.objects):
            part = by_name.get(obj["metadata"]["labels"][KEYS.component])
            if part is not None:
                part.register_object(obj, made, replaced=replaced)
        # A part's objects may depend on a namespace of another part, whose resource must exist by then.
        parts.sort(key=lambda part: not any(obj["kind"] == "Namespace" for obj in part.objects))
        for part in parts:
            part.register(made, replaced=replaced)
        limits = limits_by_namespace(made)
        for part in parts:
            part.register(made, limits, replaced)
            part.finish()
        return parts

    def _provider_of_its_own(self, children: Children, settings: dict[str, Any]) -> pulumi.ProviderResource:
        """Create the provider of a deployment to which none was passed."""
        own = children.provider(pulumi.ResourceOptions(parent=self, version=PROVIDER_VERSION))
        return pulumi.ProviderResource("kubernetes", children.name, settings, own)


async def _ready(
    program: Program,
    given: pulumi.ProviderResource | None,
    settings: dict[str, Any],
    finished: Future[None],
    in_place: Awaitable[None],
) -> list[pulumi.Resource]:
    """Wait until Kubernetes objects may be registered, and return an empty list of dependencies.

    Args:
        program: the deployments of this program.
        given: the provider that was passed in.
        settings: the provider's inputs for the target cluster.
        finished: the preparation, which has ended when this runs.
        in_place: the check that the deployment is where it has been.

    Raises:
        pulumi.RunError: the preparation failed, the deployment was moved, or a provider that was passed in
            leads to another cluster.
    """
    await in_place
    _require_success(finished)
    await program.claimed()
    if given is not None:
        await require_same_cluster(given, Path(settings["kubeconfig"]), settings.get("context"))
    return []


def _require_success(preparation: Future[None]) -> None:
    """Wait for the end of a preparation.

    Raises:
        pulumi.RunError: it failed.
    """
    try:
        preparation.result()
    except SovereignError as error:
        raise _refused(error) from None


def _require_known_urns(
    reading: Snapshot, bundle: Bundle, deployment: StackDeployment, opts: pulumi.ResourceOptions | None
) -> None:
    """Insist that a deployment has the name and parent of its state, as far as they are known yet."""
    if (former := former_names(opts, deployment.stack.deployment)) is not None:
        require_known_names(reading, bundle.objects, deployment.stack, former)
    if (parent := parent_type(opts)) is not None:
        require_known_place(reading, bundle.objects, deployment.stack, partial(_is_below, parent))


def _is_below(parent: str, root: Mapping[str, Any]) -> bool:
    """Return whether a component of a state has a parent of some type."""
    return parent_type_of(root) == parent


def _nothing() -> None:
    """Take the place of the preparation in a preview."""


def _refused(error: SovereignError) -> pulumi.RunError:
    """Leave the problems for the command, and return the error of the program.

    Pulumi prints a RunError as it is, and any other exception with a traceback.
    """
    note_refusal(current_backend(), error)
    return pulumi.RunError(str(error))


def _deleted(
    reading: Snapshot, factory: AIFactory, bundle: Bundle, deployment: StackDeployment
) -> list[dict[str, Any]]:
    """Return the live objects that a deployment deletes, those to be made again among them."""
    judged = withdrawn(reading, bundle.objects, factory.name)
    gone = previewed_deletions(reading, bundle.objects, deployment)
    return deleted_objects(judged, (*gone, *previewed_replacements(reading, bundle.objects, deployment)))


def _deployment(name: str, bundle: Bundle, settings: dict[str, Any]) -> Deployment:
    """Return the objects that a deployment declares, and their cluster."""
    path, context = Path(settings["kubeconfig"]), settings.get("context")
    try:
        cluster: object = named_server(path, context)
    except SovereignError:
        # The provider reports what such a file lacks.
        cluster = (path.resolve(), context)
    return Deployment(name, cluster, frozenset(map(resource_name, bundle.objects)))


def require_plain(**arguments: object) -> None:
    """Refuse arguments that are Outputs: a deployment and its cluster are decided on plain values.

    Raises:
        UsageError: one problem for each of them.
    """
    problems = []
    for name, value in arguments.items():
        if isinstance(value, pulumi.Output):
            message = f"{name!r} is an Output, and a deployment is decided on plain values"
            hint = (
                "pass a plain value: from the program itself, from `pulumi.Config`, "
                "or from another stack that was deployed before"
            )
            problems.append(Problem("unknown-input", message, hint=hint))
    if problems:
        raise UsageError(problems)


def choose_cluster(derived: Plan, name: str) -> str:
    """Return the plan's cluster that a stack of this name deploys.

    Raises:
        SpecError: the plan has several clusters and none has the stack's name.
    """
    names = [cluster.name for cluster in derived.clusters]
    if name in names:
        return name
    if len(names) == 1:
        return names[0]
    message = f"the plan has {counted(len(names), 'cluster')} and none is called {name!r}"
    raise SpecError(Problem("unknown-cluster", message, hint=f"name the stack: {', '.join(names)}"))


def stack_deployment(
    name: str, factory: AIFactory, cluster: str, settings: Mapping[str, Any]
) -> StackDeployment:
    """Return the stack that this program deploys, and its cluster.

    The stack's configuration allows what is refused otherwise: `sovereign:adopt` names a lost stack whose
    objects are taken over, `sovereign:allowDelete` names namespaces that may be deleted with others' work in
    them, and `sovereign:allowMassDeletion` allows to delete most of the stack's objects.

    Args:
        name: the deployment's name.
        factory: the description.
        cluster: the cluster's name in the plan.
        settings: the provider's inputs.

    Raises:
        EnvironmentLacksError: the stack's record is damaged.
    """
    stack = context_of_program(pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack(), name)
    kubeconfig = Path(settings["kubeconfig"])
    target = DeployTarget(
        name=cluster,
        deployment=name,
        kubeconfig=kubeconfig,
        context=settings.get("context"),
        is_local=is_local(cluster, kubeconfig),
        folder=Path.cwd(),
    )
    config = pulumi.Config("sovereign")
    allowed = allowed_by(os.environ, config.get("allowDelete"), config.get_bool("allowMassDeletion"))
    return StackDeployment(stack, target, factory.name, adopted=config.get("adopt") or "", allowed=allowed)


def provider_settings(
    factory: AIFactory, kubeconfig: str | Path | None = None, context: str | None = None
) -> dict[str, Any]:
    """Return the provider's inputs (`provider.py`) for this program's kubeconfig.

    The path is the argument, else the stack's configuration `sovereign:kubeconfig`, else KUBECONFIG. The
    context is the argument, else the file's current one.

    Raises:
        pulumi.RunError: neither names a file.
        EnvironmentLacksError: the file is no kubeconfig.
    """
    path = str(kubeconfig or pulumi.Config("sovereign").get("kubeconfig") or os.environ.get("KUBECONFIG", ""))
    if not path or not Path(path).is_file():
        raise pulumi.RunError(
            f"no kubeconfig: {path!r} is not a file; "
            'run `eval "$(sovereign-ai env .)"` in the stack\'s folder, '
            "or `pulumi config set sovereign:kubeconfig PATH`"
        )
    return provider_inputs(factory, path, context)

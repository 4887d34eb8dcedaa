"""The policies of the pack over the whole registry: one for each resource, one for the description.

The cost of a pack grows with policies times resources, so one policy decides every object rule on a resource
at once. Whatever goes wrong is reported as a violation: an exception would only stop the pack, and the SDK
reports its own error about unknown values as a remark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pulumi
from properties import plain_properties, to_plain
from pulumi_policy import (
    PolicyConfigSchema,
    PolicyProviderResource,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from sovereign_ai.deploy import plugin_problem, server_of
from sovereign_ai.plan import Plan, plan
from sovereign_ai.render.kubernetes import render
from sovereign_ai.rules import (
    Context,
    RuleFinding,
    approved_waivers,
    decide,
    evaluate_deployed,
    factory_context,
    judge,
)
from sovereign_ai.rules.description import ClusterProvider, reject_clusters, reject_resource
from sovereign_ai.spec import AIFactory, load

_KUBERNETES = "kubernetes:"
_HOLDERS = re.compile(
    r"kubernetes:(?:yaml(?:/v2)?:Config(?:File|Group)|helm[.]sh/v[0-9]+:Chart|kustomize(?:/v2)?:Directory)"
)
"""Components of the provider that hold other resources, which are judged one by one.

Named in full: the kinds of other API groups begin like them, such as Flux's `kustomize.toolkit.fluxcd.io`.
"""
_OPAQUE = re.compile(r"kubernetes:helm[.]sh/v[0-9]+:Release")
"""The resource whose objects Pulumi never sees: Helm deploys them itself."""
_PROVIDER = "pulumi:providers:"
_CLUSTERS = f"{_PROVIDER}kubernetes"
_COMPONENT = "sovereign:index:FactoryDeployment"
_DEPLOYMENT = f"{_COMPONENT}$"
"""What the URN of each resource of a factory's deployment has, wherever the deployment stands."""
_FRAME = ("Namespace", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
"""Kinds of which a deployment brings a cluster's every object: any component may have any type."""

_GUARDS = frozenset(
    {
        "FlowSchema",
        "LimitRange",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "Namespace",
        "NetworkPolicy",
        "PriorityLevelConfiguration",
        "ResourceQuota",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
)
"""Kinds that restrict other objects: Pulumi must restore each of their fields that somebody changes."""


def policies() -> list[ResourceValidationPolicy | StackValidationPolicy]:
    """Return the pack's policies."""
    schema = PolicyConfigSchema(properties={"spec": {"type": "string"}})
    objects = ResourceValidationPolicy(
        name="kubernetes-objects",
        description="Every Kubernetes object obeys the object rules of sovereign_ai",
        validate=_check_resource,
        config_schema=schema,
    )
    description = StackValidationPolicy(
        name="description",
        description="The description and its plan obey the plan rules of sovereign_ai",
        validate=_check_description,
        config_schema=schema,
    )
    clusters = StackValidationPolicy(
        name="clusters",
        description="Every Kubernetes object goes to the factory's own cluster",
        validate=_check_clusters,
        config_schema=schema,
    )
    return [objects, description, clusters]


def _check_resource(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Report the violations of one resource."""
    if _OPAQUE.fullmatch(args.resource_type):
        report(
            "PLC-001: the objects of a Helm release cannot be seen here, so they cannot be decided; use a "
            "Chart instead"
        )
        return
    if not args.resource_type.startswith(_KUBERNETES):
        _check_other_provider(args, report)
        return
    if _HOLDERS.fullmatch(args.resource_type):
        return
    _check_ignored_changes(args, report)
    try:
        factory, derived, context = _facts(_spec(args))
        obj = to_plain(args.props, args.resource_type)
        problems = list(_violations(factory, evaluate_deployed(factory, derived, [obj], context, "pulumi")))
    except Exception as error:  # noqa: BLE001 - what cannot be decided is a violation
        problems = [f"PLC-001: cannot be decided: {error}"]
    for problem in problems:
        report(problem)


def _check_ignored_changes(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Report a resource that restricts others, and some of whose changes Pulumi ignores."""
    kind = args.resource_type.rpartition(":")[2].removesuffix("Patch")
    if args.opts.ignore_changes and kind in _GUARDS:
        fields = ", ".join(args.opts.ignore_changes)
        report(
            f"LIV-004: changes of {fields} are ignored, so that what guards the zones stays as somebody left "
            "it; take ignore_changes out"
        )


def _check_other_provider(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Report a resource of another provider that the description does not declare."""
    is_provider = args.resource_type.startswith(_PROVIDER)
    # A component only holds others, and has no provider.
    if args.provider is None and not is_provider:
        return
    try:
        factory, _, _ = _facts(_spec(args))
        problem = reject_resource(factory, args.resource_type)
        is_cluster = args.resource_type == _CLUSTERS
        if is_cluster and (words := plugin_problem(plain_properties(args.props))):
            problem = (
                f"RES-015: the plugin of {args.resource_type} {words}, so that nothing says what it does; "
                "make it as pulumi_kubernetes.Provider"
            )
    except Exception as error:  # noqa: BLE001 - what cannot be decided is a violation
        problem = f"RES-015: cannot be decided: {error}"
    if problem:
        report(problem)


def _check_description(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report the violations of the description."""
    try:
        factory, derived, _ = _facts(_spec(args))
        problems = list(_violations(factory, decide(factory, derived, _today())))
    except Exception as error:  # noqa: BLE001 - what cannot be decided is a violation
        problems = [f"RES-001: cannot be decided: {error}"]
    for problem in problems:
        report(problem)


def _check_clusters(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report the Kubernetes providers that lead to another cluster than the factory's."""
    used: dict[str, PolicyProviderResource] = {}
    below: dict[str, list[PolicyResource]] = {}
    for resource in args.resources:
        if resource.resource_type.startswith(_KUBERNETES) and resource.provider is not None:
            used[resource.provider.urn] = resource.provider
            if _DEPLOYMENT in resource.urn:
                below.setdefault(resource.provider.urn, []).append(resource)
    # A single one, whose cluster a deployment compares with the description by itself.
    if len(used) < 2:
        return
    try:
        factory, derived, _ = _facts(_spec(args))
        is_component_seen = any(resource.resource_type == _COMPONENT for resource in args.resources)
        providers = []
        for urn, provider in used.items():
            server, authority = server_of(dict(provider.props))
            holds = urn in below and (not is_component_seen or _bring_a_cluster(below[urn], factory, derived))
            providers.append(ClusterProvider(urn, provider.name, server, authority, holds))
        problems = reject_clusters(factory, providers)
    except Exception as error:  # noqa: BLE001 - what cannot be decided is a violation
        problems = [("", f"RES-015: cannot be decided: {error}")]
    for urn, problem in problems:
        report(problem, urn or None)


def _bring_a_cluster(resources: Iterable[PolicyResource], factory: AIFactory, derived: Plan) -> bool:
    """Return whether resources are a deployment's: among them is the frame of one of the plan's clusters."""
    brought = set()
    for resource in resources:
        kind = resource.resource_type.rpartition(":")[2]
        if kind in _FRAME:
            metadata = plain_properties(resource.props).get("metadata") or {}
            brought.add((kind, metadata.get("name")))
    for cluster in derived.clusters:
        objects = render(factory, derived, cluster.name).objects
        if {(obj["kind"], obj["metadata"]["name"]) for obj in objects if obj["kind"] in _FRAME} <= brought:
            return True
    return False


def _today() -> date:
    """Return the current day in UTC."""
    return datetime.now(UTC).date()


def _violations(factory: AIFactory, findings: list[RuleFinding]) -> Iterator[str]:
    """Yield each violation that no waiver covers today, in words."""
    verdict = judge(findings, approved_waivers(factory), _today())
    for finding in (*verdict.violations, *verdict.undecidable):
        subject = f"{finding.rule}: {finding.resource}: {finding.field}"
        yield f"{subject}: {finding.message}; {finding.remediation}"


def _spec(args: ResourceValidationArgs | StackValidationArgs) -> Path:
    """Return the path of the description: the configured one, or the stack's folder.

    The engine starts the pack in the stack's folder.
    """
    configured = args.get_config().get("spec")
    return Path(str(configured)) if configured else Path.cwd()


# Cached, since a stack may have thousands of resources.
@cache
def _facts(spec: Path) -> tuple[AIFactory, Plan, Context]:
    """Return the description, its plan, and the context of the stack's cluster.

    The stack is named after its cluster. A stack of any other name is judged for all clusters together.
    """
    factory = load(spec)
    derived = plan(factory)
    stack = pulumi.get_stack()
    clusters = {cluster.name for cluster in derived.clusters}
    cluster = stack if stack in clusters else None
    return factory, derived, factory_context(factory, derived, cluster)

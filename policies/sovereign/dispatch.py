"""Two policies over the whole registry: one for each resource, one for the description.

The cost of a pack grows with policies times resources, so one policy decides every object rule on a
resource at once. Whatever goes wrong is a violation; an exception would only stop the pack, and
the SDK's own error about unknown values would only be a remark.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pulumi
from properties import to_plain
from pulumi_policy import (
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.rules.check import decide
from sovereign_ai.rules.context import Context, factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.judge import Finding, judge
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.load import load

_KUBERNETES = "kubernetes:"
_HOLDERS = ("kubernetes:yaml", "kubernetes:helm", "kubernetes:kustomize")
"""Components of the provider that hold other resources; these are judged one by one."""
_OPAQUE = "kubernetes:helm.sh/v3:Release"
"""The one that holds objects which Pulumi never sees."""


def policies() -> list[ResourceValidationPolicy | StackValidationPolicy]:
    """Give the pack's policies."""
    schema = PolicyConfigSchema(properties={"spec": {"type": "string"}})
    return [
        ResourceValidationPolicy(
            name="kubernetes-objects",
            description="Every Kubernetes object obeys the object rules of sovereign_ai",
            validate=_resource,
            config_schema=schema,
        ),
        StackValidationPolicy(
            name="description",
            description="The description and its plan obey the plan rules of sovereign_ai",
            validate=_stack,
            config_schema=schema,
        ),
    ]


def _resource(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Decide one resource."""
    if args.resource_type == _OPAQUE:
        report("PLC-001: the objects of a Helm release cannot be seen here, so they cannot be decided; use a Chart instead")
        return
    if not args.resource_type.startswith(_KUBERNETES) or args.resource_type.startswith(_HOLDERS):
        return
    try:
        factory, _, context = _facts(_spec(args))
        found = evaluate([to_plain(args.props, args.resource_type)], context, "pulumi")
        problems = list(_violations(factory, found))
    except Exception as error:  # noqa: BLE001 - what cannot be decided is a violation
        problems = [f"PLC-001: cannot be decided: {error}"]
    for problem in problems:
        report(problem)


def _stack(args: StackValidationArgs, report: ReportViolation) -> None:
    """Decide the description."""
    try:
        factory, derived, _ = _facts(_spec(args))
        problems = list(_violations(factory, decide(factory, derived, datetime.now(UTC).date())))
    except Exception as error:  # noqa: BLE001 - what cannot be decided is a violation
        problems = [f"RES-001: cannot be decided: {error}"]
    for problem in problems:
        report(problem)


def _violations(factory: AIFactory, found: list[Finding]) -> Iterator[str]:
    """Give each violation that no waiver covers today, in words."""
    verdict = judge(found, factory.waivers, datetime.now(UTC).date())
    for finding in (*verdict.violations, *verdict.undecidable):
        yield f"{finding.rule}: {finding.resource}: {finding.field}: {finding.message}; {finding.remediation}"


def _spec(args: ResourceValidationArgs | StackValidationArgs) -> Path:
    """Give the description's place: what the configuration names, else the stack's folder, where the engine starts the pack."""
    named = args.get_config().get("spec")
    return Path(str(named)) if named else Path.cwd()


@cache
def _facts(spec: Path) -> tuple[AIFactory, Plan, Context]:
    """Read and derive once; the cluster is the one that the stack is called after, else all together."""
    factory = load(spec)
    derived = plan(factory)
    stack = pulumi.get_stack()
    cluster = stack if stack in {one.name for one in derived.clusters} else None
    return factory, derived, factory_context(factory, derived, cluster)

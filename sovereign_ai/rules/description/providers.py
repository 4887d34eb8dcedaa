"""The rule on resources of other Pulumi providers: the description must name the country that each writes to.

No rule reads a bucket's region or a command's text. So a resource of any provider but those of the factory
itself is refused, unless its package is declared under `providers`, with the country that it writes to and a
reason.

    >>> package_of("aws:s3/bucketV2:BucketV2"), package_of("pulumi:providers:aws")
    ('aws', 'aws')
"""

from __future__ import annotations

from collections.abc import Iterable

from sovereign_ai.catalog import expand
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.rules.controls import C3A_GATEWAYS, C3A_LOCATION, CADA_DATA, ECSF_DATA, GDPR_TRANSFER
from sovereign_ai.rules.description.residency import PLAN, make_finding
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory

_KUBERNETES = "kubernetes"
_OWN = frozenset({_KUBERNETES, "sovereign", "sovereign-hosts"})
"""Packages whose resources the factory itself consists of; their objects are decided by other rules."""
# The engine itself makes these two, whatever the program does.
_ENGINES = frozenset({"pulumi:pulumi:Stack", "pulumi:pulumi:StackReference"})
_PROVIDER = "pulumi:providers:"


@frozen_dataclass
class ClusterProvider:
    """A Kubernetes provider of a stack.

    Attributes:
        urn: its URN.
        name: its name in the program.
        server: the address of the API server that it leads to.
        authority: the certificates by which it knows that server.
        holds_factory: whether a deployment of the factory uses it.
    """

    urn: str
    name: str
    server: str
    authority: bytes
    holds_factory: bool


def package_of(resource_type: str) -> str:
    """Return the package of a resource type; for a provider, the package that it provides."""
    return resource_type.removeprefix(_PROVIDER).partition(":")[0]


def reject_resource(factory: AIFactory, resource_type: str) -> str:
    """Return what is wrong with a resource of a provider, as a sentence; empty if nothing is.

    Args:
        factory: the description.
        resource_type: the type of a resource that a provider makes, or of a provider.
    """
    package = package_of(resource_type)
    declared = {provider.package for provider in factory.providers}
    if resource_type in _ENGINES or package in _OWN or package in declared:
        return ""
    description = f"a resource of the provider {package}"
    # A dynamic resource runs code of the program itself, so its package names no provider to look up.
    if package == "pulumi-python":
        description = "a dynamic resource, which is a program"
    return (
        f"{PROVIDERS.id}: {resource_type} is {description}, and nothing says where it writes; "
        f"{PROVIDERS.remediation}"
    )


def reject_clusters(factory: AIFactory, providers: Iterable[ClusterProvider]) -> list[tuple[str, str]]:
    """Return what is wrong with the Kubernetes providers of a stack: (URN of the provider, sentence) each.

    All objects of a stack are judged as the factory's. So they must be on its cluster, or `kubernetes` is
    declared under `providers` with the country of the others.

    Args:
        factory: the description.
        providers: those that resources of the stack use.
    """
    if _KUBERNETES in {provider.package for provider in factory.providers}:
        return []
    used = list(providers)
    clusters = {(provider.server, provider.authority) for provider in used}
    # The clusters of deployments of a factory are compared with the description by the deployment itself.
    own = {(provider.server, provider.authority) for provider in used if provider.holds_factory}
    # Without such a deployment nothing says which of several clusters is the factory's.
    if not own and len(clusters) == 1:
        own = clusters
    refused = []
    for provider in used:
        if (provider.server, provider.authority) not in own:
            sentence = (
                f"{PROVIDERS.id}: the Kubernetes provider {provider.name} leads to {provider.server}, which "
                f"is not known as the factory's cluster; {PROVIDERS.remediation}"
            )
            refused.append((provider.urn, sentence))
    return refused


def _find_providers_abroad(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield declared providers that write to a country where a data class may not be."""
    for number, provider in enumerate(factory.providers):
        for policy in factory.residency:
            if provider.country not in expand(policy.within):
                field = f"providers[{number}].country"
                allowed = ", ".join(policy.within)
                message = (
                    f"{provider.package} writes to {provider.country}; {policy.data} data may be in {allowed}"
                )
                resource = f"Factory/{factory.name}"
                yield make_finding(rule, resource, field, message)


PROVIDERS = Rule(
    id="RES-015",
    title="Other Pulumi providers are declared, and write where all data may be",
    severity="critical",
    rationale=(
        "A program may make a bucket abroad, run a command or deploy to another cluster beside the objects "
        "that rules see. No rule can read where each of thousands of providers writes."
    ),
    remediation=(
        "declare the package under `providers` with the country it writes to and a reason, or take the "
        "resource out"
    ),
    controls=(ECSF_DATA, CADA_DATA, C3A_LOCATION, C3A_GATEWAYS, GDPR_TRANSFER),
    places=PLAN,
    decide=_find_providers_abroad,
)

RULES = (PROVIDERS,)
"""The rule; the policy pack asks `undeclared` of each resource."""

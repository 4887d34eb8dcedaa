"""The rule on resolvers: who is asked for names outside the clusters stands, and sits, where data may be.

A resolver hears which partners, mirrors and hosts the workloads of a zone speak to, and when. Who runs it is
believed, but for public resolvers: the catalog knows them by their addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sovereign_ai.catalog import (
    PublicResolver,
    expand,
    public_resolver,
    public_resolver_named,
    public_resolvers_in,
)
from sovereign_ai.plan import Plan
from sovereign_ai.rules.controls import C3A_GATEWAYS, CADA_DATA, ECSF_DATA, GDPR_TRANSFER
from sovereign_ai.rules.description.residency import PLAN, make_finding, on_zone
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory, Gateway, ResidencyPolicy, Resolver


def _places(resolver: Resolver) -> Iterator[tuple[str, str, str]]:
    """Yield field, words and country of each place in which a resolver can be compelled."""
    yield "country", "stands in", resolver.country
    yield "seat", f"is run by {resolver.entity}, which sits in", resolver.seat
    service = public_resolver(resolver.address)
    if service is not None:
        yield "address", f"is {_known_as(service)}, which sits in", service.seat


def _known_as(service: PublicResolver) -> str:
    """Return a public resolver's name and operator, in words."""
    return f"{service.title} of {service.operator}"


def _find_resolvers(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield resolvers, and ways to public ones, that are where a data class may not be."""
    yield from _find_resolvers_abroad(rule, factory, plan)
    for number, gateway in enumerate(factory.gateways):
        for policy in _policies_on(factory, gateway):
            permitted = expand(policy.within)
            for field, place, service in _public_resolvers_behind(gateway):
                if service.seat in permitted:
                    continue
                allowed = ", ".join(policy.within)
                message = (
                    f"{place} is {_known_as(service)}, which sits in {service.seat}; "
                    f"{policy.data} data may be in {allowed}"
                )
                yield make_finding(rule, f"Gateway/{gateway.name}", f"gateways[{number}].{field}", message)


def _policies_on(factory: AIFactory, gateway: Gateway) -> list[ResidencyPolicy]:
    """Return the residency policies on the zones of a gateway, each once."""
    policies: list[ResidencyPolicy] = []
    for zone in gateway.zones:
        policies += [policy for policy in on_zone(factory, zone) if policy not in policies]
    return policies


def _public_resolvers_behind(gateway: Gateway) -> Iterator[tuple[str, str, PublicResolver]]:
    """Yield field, address or host, and service of the first public resolver in each place of a gateway."""
    for number, address_range in enumerate(gateway.addresses):
        for address, service in public_resolvers_in(address_range)[:1]:
            yield f"addresses[{number}]", address, service
    for number, host in enumerate(gateway.hosts):
        named = public_resolver_named(host)
        if named is not None:
            yield f"hosts[{number}]", host, named


def _find_resolvers_abroad(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield resolvers that stand, or whose operator sits, where a data class may not be."""
    resolvers = factory.dns.resolvers if factory.dns is not None else ()
    for number, resolver in enumerate(resolvers):
        for policy in factory.residency:
            permitted = expand(policy.within)
            for name, words, country in _places(resolver):
                if country in permitted:
                    continue
                field = f"dns.resolvers[{number}].{name}"
                message = (
                    f"the resolver {resolver.address} {words} {country}; {policy.data} data may be in "
                    f"{', '.join(policy.within)}"
                )
                yield make_finding(rule, f"Factory/{factory.name}", field, message)


RESOLVERS = Rule(
    id="RES-016",
    title="Names outside the clusters are asked of resolvers that stand and sit where all data may be",
    severity="critical",
    rationale=(
        "Whoever answers names learns which others the workloads speak to, and receives whatever is written "
        "into a name. All pods of a cluster ask the same resolvers."
    ),
    remediation="name a resolver of an operator within the area, or one of the factory's own",
    controls=(ECSF_DATA, CADA_DATA, C3A_GATEWAYS, GDPR_TRANSFER),
    places=PLAN,
    decide=_find_resolvers,
)

RULES = (RESOLVERS,)

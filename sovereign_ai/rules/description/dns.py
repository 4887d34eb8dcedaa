"""The rule on resolvers: who is asked for names outside the clusters stands, and sits, where data may be.

A resolver hears which partners, mirrors and hosts the workloads of a zone speak to, and when.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sovereign_ai.catalog import expand
from sovereign_ai.plan import Plan
from sovereign_ai.rules.controls import C3A_GATEWAYS, CADA_DATA, ECSF_DATA, GDPR_TRANSFER
from sovereign_ai.rules.description.residency import PLAN, make_finding
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory, Resolver


def _places(resolver: Resolver) -> Iterator[tuple[str, str, str]]:
    """Yield field, words and country of each place in which a resolver can be compelled."""
    yield "country", "stands in", resolver.country
    yield "seat", f"is run by {resolver.entity}, which sits in", resolver.seat


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
    decide=_find_resolvers_abroad,
)

RULES = (RESOLVERS,)

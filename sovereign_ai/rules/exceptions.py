"""Exceptions: waivers that count, waivers that only seem to.

The description refuses what no waiver may be when it is read; these rules hold it once more against
what is judged, however the description was made. No waiver covers a finding of these rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import partial

from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.duties import NIS2_RISK
from sovereign_ai.rules.judge import UNWAIVABLE, Finding
from sovereign_ai.rules.residency import PLAN, found
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec.checks.waivers import MOST_DAYS, check_waivers
from sovereign_ai.spec.factory import AIFactory

_RESOURCE = re.compile(r"[A-Za-z]+(/[a-z0-9.-]+){1,2}")
SOON = 14
"""Days before its end from which a waiver's end is told."""


def _sound(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """No waiver is self-approved, too long, overlapping or wide."""
    for problem in check_waivers(factory):
        yield found(rule, f"Factory/{factory.name}", problem.where.field, problem.message)
    for number, waiver in enumerate(factory.waivers):
        if not _RESOURCE.fullmatch(waiver.resource):
            message = f"{waiver.resource!r} is not one resource: a wildcard covers what nobody looked at"
            yield found(rule, f"Waiver/{waiver.id}", f"waivers[{number}].resource", message)


def _aimed(known: frozenset[str], rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Every waiver is for a rule that there is and that can be waived."""
    for number, waiver in enumerate(factory.waivers):
        if waiver.rule not in known:
            why = "there is no such rule, so it covers nothing"
        elif waiver.rule in UNWAIVABLE:
            why = "what waivers must be cannot be waived"
        else:
            continue
        yield found(rule, f"Waiver/{waiver.id}", f"waivers[{number}].rule", f"{waiver.rule}: {why}")


def _past(rule: Rule, factory: AIFactory, _plan: Plan, now: date) -> Iterable[Finding]:
    """A waiver that has ended, ends soon or has not begun is told."""
    for number, waiver in enumerate(factory.waivers):
        left = (waiver.expires - now).days
        if left <= 0:
            message, field = f"it ended on {waiver.expires} and covers nothing", "expires"
        elif waiver.created > now:
            message, field = f"it begins on {waiver.created} and covers nothing before", "created"
        elif left <= SOON:
            message, field = f"it ends on {waiver.expires}, in {left} days", "expires"
        else:
            continue
        yield found(rule, f"Waiver/{waiver.id}", f"waivers[{number}].{field}", f"{waiver.rule} on {waiver.resource}: {message}")


SOUND = Rule(
    id="WVR-001",
    title="Waivers are for one resource, agreed by another, for 90 days at most, and never two at once",
    severity="high",
    rationale=f"An exception that is wide, long (beyond {MOST_DAYS} days), stacked or granted to oneself is a rule that was dropped.",
    remediation="write one waiver for one rule and one resource, with an approver of another role and an end within 90 days",
    controls=(NIS2_RISK,),
    places=PLAN,
    decide=_sound,
)
PAST = Rule(
    id="WVR-003",
    title="Waivers are mended or renewed before they end",
    severity="warning",
    rationale="From its last day on a waiver covers nothing, and what it covered fails.",
    remediation="mend what it covers, or have a new one agreed; remove it when it is no longer of interest",
    controls=(NIS2_RISK,),
    places=PLAN,
    decide_on=_past,
)


def aimed(others: Iterable[str]) -> Rule:
    """Give the rule that waivers name rules that there are.

    Args:
        others: the ids of all other rules.
    """
    own = "WVR-002"
    return Rule(
        id=own,
        title="Waivers name rules that there are",
        severity="medium",
        rationale="A waiver for a rule that does not exist hides a mistake: somebody believes that something is covered.",
        remediation="name the rule as `sovereign-ai rules` lists it, or remove the waiver",
        controls=(NIS2_RISK,),
        places=PLAN,
        decide=partial(_aimed, frozenset({own, *others})),
    )


RULES = (SOUND, PAST)
"""The rules that need not know which others there are."""

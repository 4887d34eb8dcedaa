"""Rules on exceptions: waivers that count, and waivers that only seem to.

Reading a description already refuses an invalid waiver. These rules check the waivers of the judged factory
too, however it was built. No waiver covers a finding of these rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import partial

from sovereign_ai.plan import Plan
from sovereign_ai.rules.approval import as_counted, unapproved_waivers
from sovereign_ai.rules.description.residency import PLAN, make_finding
from sovereign_ai.rules.duties import NIS2_RISK
from sovereign_ai.rules.judgement import UNWAIVABLE, RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import WAIVER_RESOURCE, AIFactory
from sovereign_ai.spec.checks import MOST_DAYS, check_waivers
from sovereign_ai.text import counted

_RESOURCE = re.compile(WAIVER_RESOURCE)
"""One resource as waivers name it: `Kind/name` or `Kind/namespace/name`, without a wildcard."""
SOON = 14
"""Days before its end from which the end of a waiver is reported."""


def _find_unsound_waivers(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield waivers that are self-approved, too long, overlapping or wide."""
    # The description is refused for these when it is read. A factory that Python built was never read.
    for problem in check_waivers(factory):
        yield make_finding(rule, f"Factory/{factory.name}", problem.where.field, problem.message)
    for number, waiver in enumerate(factory.waivers):
        if not _RESOURCE.fullmatch(waiver.resource):
            field = f"waivers[{number}].resource"
            message = f"{waiver.resource!r} is not one resource: a wildcard covers what nobody reviewed"
            resource = f"Waiver/{waiver.id}"
            yield make_finding(rule, resource, field, message)


def _find_waivers_without_rule(
    known: frozenset[str], rule: Rule, factory: AIFactory, _plan: Plan
) -> Iterable[RuleFinding]:
    """Yield waivers for a rule that does not exist or that cannot be waived."""
    for number, waiver in enumerate(factory.waivers):
        if waiver.rule not in known:
            reason = "there is no such rule, so it covers nothing"
        elif waiver.rule in UNWAIVABLE:
            reason = "what waivers must be cannot be waived"
        else:
            continue
        message = f"{waiver.rule}: {reason}"
        resource = f"Waiver/{waiver.id}"
        field = f"waivers[{number}].rule"
        yield make_finding(rule, resource, field, message)


def _find_past_waivers(rule: Rule, factory: AIFactory, _plan: Plan, now: date) -> Iterable[RuleFinding]:
    """Yield waivers that have ended, end soon or have not begun."""
    for number, waiver in enumerate(factory.waivers):
        end = as_counted(factory, waiver).expires
        days_left = (end - now).days
        attribute = "expires"
        cause, advice = "", ""
        if end < waiver.expires:
            attribute = "approver"
            cause = " with its approver's right to agree"
            advice = "; have an approver sign it whose right has not ended"
        # On the day it expires a waiver covers nothing: the last day that counts is the one before.
        if days_left <= 0:
            state = f"it ended on {end}{cause} and covers nothing{advice}"
        elif waiver.created > now:
            attribute = "created"
            state = f"it begins on {waiver.created} and covers nothing before"
        elif days_left <= SOON:
            state = f"it ends on {end}{cause}, in {counted(days_left, 'day')}{advice}"
        else:
            continue
        field = f"waivers[{number}].{attribute}"
        message = f"{waiver.rule} on {waiver.resource}: {state}"
        resource = f"Waiver/{waiver.id}"
        yield make_finding(rule, resource, field, message)


def _find_unsigned_waivers(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield waivers that their approver has not signed with a key that the description lists."""
    for number, waiver, reason in unapproved_waivers(factory):
        field = f"waivers[{number}].signature"
        resource = f"Waiver/{waiver.id}"
        message = f"{reason}; it covers nothing"
        yield make_finding(rule, resource, field, message)


SOUND = Rule(
    id="WVR-001",
    title="Waivers are for one resource, agreed by another, for 90 days at most, and never two at once",
    severity="high",
    rationale=(
        f"An exception that is wide, long (beyond {MOST_DAYS} days), stacked or granted to oneself is a "
        "rule that was dropped."
    ),
    remediation=(
        "write one waiver for one rule and one resource, with an approver of another role and an end within "
        "90 days"
    ),
    controls=(NIS2_RISK,),
    places=PLAN,
    decide=_find_unsound_waivers,
)
PAST = Rule(
    id="WVR-003",
    title="What a waiver covers is fixed, or the waiver renewed, before it ends",
    severity="warning",
    rationale=(
        "From its last day on, a waiver covers nothing, and what it covered fails. After its approver's last "
        "day nobody can distinguish one of before from one that was signed since and dated back."
    ),
    remediation="fix what it covers, or have a new one approved; remove it when it is no longer needed",
    controls=(NIS2_RISK,),
    places=PLAN,
    decide_on=_find_past_waivers,
)


def aimed(others: Iterable[str]) -> Rule:
    """Return the rule that waivers name existing rules.

    Args:
        others: the ids of all other rules.
    """
    own = "WVR-002"
    known = frozenset({own, *others})
    return Rule(
        id=own,
        title="Waivers name rules that there are",
        severity="medium",
        rationale=(
            "A waiver for a rule that does not exist hides a mistake: somebody believes that something is "
            "covered."
        ),
        remediation="name the rule as `sovereign-ai rules` lists it, or remove the waiver",
        controls=(NIS2_RISK,),
        places=PLAN,
        decide=partial(_find_waivers_without_rule, known),
    )


SIGNED = Rule(
    id="WVR-004",
    title="Waivers are signed by who agreed, with a key that the description lists",
    severity="high",
    rationale=(
        "Two names that one person types are two strings. A signature by the approver's own key is a second "
        "pair of eyes."
    ),
    remediation=(
        "list the approver under `approvers` with the public key that `sovereign-ai waiver key` prints, "
        "have the approver run `sovereign-ai waiver sign`, and write what it prints into the waiver as "
        "`signature`"
    ),
    controls=(NIS2_RISK,),
    places=PLAN,
    decide=_find_unsigned_waivers,
)

RULES = (SOUND, PAST, SIGNED)
"""The rules of this module, but for WVR-002, which `aimed` builds from the ids of all others."""

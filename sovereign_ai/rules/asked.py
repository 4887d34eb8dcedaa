"""What admission asks before it lets an exception in, and the answer to a question about waivers.

Admission policies have no clock, so they cannot tell whether a waiver still counts. Where a rule says
no to an object that a waiver names, the policy asks the authorizer of the API server whether a fixed
service account may `honour` it; on our own planes the operator (`operate/`) answers, and nobody else
does anywhere. The question carries the waiver's own facts out of the policy's text, so that an answer
rests on that text and the clock, and on nothing that can be edited or grow stale in between.

    >>> from sovereign_ai.spec.supplier import Waiver
    >>> facts = {"id": "w1", "rule": "PRV-001", "resource": "Pod/research/job", "requester": "a", "approver": "b"}
    >>> words = {"reason": "-", "owner": "-", "compensating_control": "-"}
    >>> one = Waiver(**facts, **words, created=date(2026, 11, 1), expires=date(2026, 11, 30))
    >>> answer(question([one]), date(2026, 11, 29)), answer(question([one]), date(2026, 11, 30))
    ('w1', '')
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

import orjson
from pydantic import ValidationError

from sovereign_ai.names import KEYS, SYSTEM_NAMESPACE
from sovereign_ai.rules.expressions import literal
from sovereign_ai.rules.judge import UNWAIVABLE, Finding, judge
from sovereign_ai.spec.supplier import Waiver

GROUP = f"exceptions.{KEYS.domain}"
"""The API group of the questions; nothing is served under it."""
ACCOUNT = "exceptions"
"""The service account, in our own namespace, for which policies ask; it does not exist and has no rights."""
ASKER = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{ACCOUNT}"
"""The account as the authorizer sees it."""
VERB = "honour"
WAIVERS, BINDINGS = "waivers", "bindings"
"""What is asked about: waivers, and bindings that give break-glass access."""

BREAK_GLASS = "break-glass-"
"""What the name of a binding for break-glass access starts with."""
BREAK_GLASS_USER = "break-glass:"
"""What the user name of somebody with break-glass access starts with; only the authority of our own planes certifies such users."""
BINDING_RULE = "RBC-009"
"""The rule that a binding for break-glass access breaks: it refers to a role of the cluster."""

_FACTS = ("id", "rule", "resource", "requester", "approver", "created", "expires")
_UNSAID = {"reason": "-", "owner": "-", "compensating_control": "-"}
_HAS_SPACE = 'has(object.metadata.namespace) && object.metadata.namespace != ""'
RESOURCE = (
    f'object.kind + "/" + ({_HAS_SPACE} ? object.metadata.namespace + "/" : "") + (has(object.metadata.name) ? object.metadata.name : "")'
)
"""CEL: the object as waivers name it."""


def ask(about: str, name: str) -> str:
    """Write the CEL expression that asks.

    Args:
        about: `WAIVERS` or `BINDINGS`.
        name: CEL expression of the question's text.
    """
    account = f"authorizer.serviceAccount({literal(SYSTEM_NAMESPACE)}, {literal(ACCOUNT)})"
    return f"{account}.group({literal(GROUP)}).resource({literal(about)}).name({name}).check({literal(VERB)}).allowed()"


def questions(waivers: Iterable[Waiver], rule: str, kinds: Collection[str]) -> dict[str, str]:
    """Give for each resource of these kinds that a waiver of the rule names the question about it; none for what cannot be waived."""
    found: dict[str, list[Waiver]] = {}
    for waiver in waivers:
        if waiver.rule == rule and rule not in UNWAIVABLE and waiver.resource.partition("/")[0] in kinds:
            found.setdefault(waiver.resource, []).append(waiver)
    return {resource: question(of) for resource, of in sorted(found.items())}


def question(waivers: Iterable[Waiver]) -> str:
    """Write the question about all waivers of one rule and resource: their facts as canonical JSON."""
    rows = [{name: getattr(one, name) for name in _FACTS} for one in sorted(waivers, key=lambda one: (one.created, one.id))]
    return orjson.dumps(rows, option=orjson.OPT_SORT_KEYS).decode()


def answer(text: str, now: date) -> str:
    """Give the id of the waiver that counts on a day, by the same judge as everywhere; empty where none does or the question is none."""
    try:
        waivers = [Waiver.model_validate({**_UNSAID, **row}) for row in orjson.loads(text)]
    except (orjson.JSONDecodeError, ValidationError, TypeError):
        return ""
    aims = {(one.rule, one.resource) for one in waivers}
    if len(aims) != 1:
        return ""
    [(rule, resource)] = aims
    return judge([Finding(rule, "high", resource, "", "", "")], waivers, now).findings[0].waiver

"""The question that admission asks about waivers, and the answer to it.

Admission policies have no clock, so they cannot decide whether a waiver still counts. If a rule refuses an
object that a waiver names, the policy asks the authorizer of the API server whether a fixed service account
may `honour` it. On local control planes the operator (`operate/`) answers; on any other cluster nobody does,
and the answer is no. The question carries the waiver's own facts out of the policy's text. An answer so
depends on that text, the clock, and the approvers of the description that was deployed last.

    >>> answer("[]", ListedApprovers("", {}), date(2026, 11, 29))
    ''
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import orjson
from pydantic import ValidationError

from sovereign_ai.names import KEYS, SYSTEM_NAMESPACE, normal_name
from sovereign_ai.rules.approval import (
    WAIVER_TYPE,
    ListedApprovers,
    is_signed,
    waiver_payload,
    within_mandate,
    words_digest,
)
from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.judgement import UNWAIVABLE, RuleFinding, judge
from sovereign_ai.rules.kinds import OTHER
from sovereign_ai.spec import Waiver

GROUP = f"exceptions.{KEYS.domain}"
"""The API group of the questions; the API server serves nothing under it."""
ACCOUNT = "exceptions"
"""The service account in the system namespace that policies check; it does not exist and has no rights."""
REVIEW_USER = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{ACCOUNT}"
"""The user name of the account, as in a SubjectAccessReview."""
VERB = "honour"
WAIVERS, BINDINGS = "waivers", "bindings"
"""Resources of the questions: waivers, and bindings that give break-glass access."""

BREAK_GLASS = "break-glass-"
"""Prefix of the name of a binding for break-glass access."""
BREAK_GLASS_USER = "break-glass:"
"""Prefix of the user name of somebody with break-glass access.

Only the certificate authority of a local control plane certifies such users.
"""
BINDING_RULE = "RBC-009"
"""The rule that a binding for break-glass access violates: it refers to a role of the cluster."""

_FACTS = ("id", "rule", "resource", "requester", "approver", "created", "expires", "signature")
_LONGEST_QUESTION = 1 << 17
"""Characters of a question: the facts of 200 waivers of one resource."""
# A question carries no free texts, only their digest; the model requires some text in these fields.
_OMITTED = {"reason": "-", "owner": "-", "compensating_control": "-"}
_HAS_SPACE = 'has(object.metadata.namespace) && object.metadata.namespace != ""'
_SPACE = f'({_HAS_SPACE} ? object.metadata.namespace + "/" : "")'
# An object with `generateName` has no name yet when it is admitted.
_NAME = '(has(object.metadata.name) ? object.metadata.name : "")'
RESOURCE = f'object.kind + "/" + {_SPACE} + {_NAME}'
"""CEL: the object as waivers name it."""


def authorizer_check(about: str, name: str) -> str:
    """Return the CEL expression of an authorizer check.

    Args:
        about: `WAIVERS` or `BINDINGS`.
        name: CEL expression of the question's text.
    """
    account = f"authorizer.serviceAccount({literal(SYSTEM_NAMESPACE)}, {literal(ACCOUNT)})"
    resource = f"{account}.group({literal(GROUP)}).resource({literal(about)})"
    return f"{resource}.name({name}).check({literal(VERB)}).allowed()"


_NO_ENDS: Mapping[str, date] = MappingProxyType({})


def questions(
    waivers: Iterable[Waiver],
    rule: str,
    kinds: Collection[str],
    factory: str,
    mandate_ends: Mapping[str, date] = _NO_ENDS,
) -> dict[str, str]:
    """Return the question about each resource of some kinds that a waiver of a rule names.

    There is none about a rule that cannot be waived.

    Args:
        waivers: the waivers that are signed.
        rule: the rule's id.
        kinds: the kinds; `OTHER` for every kind that is not listed by itself.
        factory: the factory's name, which the signatures cover.
        mandate_ends: the last day of approvers whose right to agree ends (`approval.mandate_ends`).
    """
    if rule in UNWAIVABLE:
        return {}
    waivers_by_resource: dict[str, list[Waiver]] = {}
    for waiver in waivers:
        kind = waiver.resource.partition("/")[0]
        # A waiver names no API group: what is asked for every kind not listed by itself may be any.
        if waiver.rule == rule and (kind in kinds or OTHER.name in kinds):
            waivers_by_resource.setdefault(waiver.resource, []).append(waiver)
    texts = {}
    for resource, waivers_of_resource in sorted(waivers_by_resource.items()):
        texts[resource] = question(waivers_of_resource, factory, mandate_ends)
    return texts


def question(waivers: Iterable[Waiver], factory: str, mandate_ends: Mapping[str, date] = _NO_ENDS) -> str:
    """Return the question about waivers of one rule and resource as canonical JSON.

    It holds their signed facts, and the last day of their approver's right to agree where that is earlier.
    """
    rows = []
    # Sorted, so that the text of a policy does not depend on the order of the description.
    for waiver in sorted(waivers, key=lambda waiver: (waiver.created, waiver.id)):
        row = {name: getattr(waiver, name) for name in _FACTS}
        row["factory"] = factory
        row["words"] = words_digest(waiver)
        until = mandate_ends.get(normal_name(waiver.approver))
        if until is not None and within_mandate(waiver, until).expires < waiver.expires:
            row["until"] = until
        rows.append(row)
    return orjson.dumps(rows, option=orjson.OPT_SORT_KEYS).decode()


def answer(text: str, listed: ListedApprovers, now: date) -> str:
    """Return the id of the waiver that counts on a day; empty if none does, or if the text is no question.

    `judge` decides it here as everywhere.

    Args:
        text: the question.
        listed: the approvers whose keys count; what the text says of keys and last days is not believed.
        now: the day.
    """
    # Whoever may create a SubjectAccessReview chooses the text, so nothing in it is trusted.
    if len(text) > _LONGEST_QUESTION:
        return ""
    try:
        waivers = [_signed_waiver(dict(row), listed) for row in orjson.loads(text)]
    except (orjson.JSONDecodeError, ValidationError, TypeError, ValueError, KeyError):
        return ""
    targets = {(waiver.rule, waiver.resource) for waiver in waivers}
    if len(targets) != 1:
        return ""
    [(rule, resource)] = targets
    # Any severity that is not advisory will do: only the waiver is of interest.
    violation = RuleFinding(rule, "high", resource, "", "", "")
    [finding] = judge([violation], waivers, now).findings
    return finding.waiver


def _signed_waiver(row: dict[str, Any], listed: ListedApprovers) -> Waiver:
    """Return the waiver of one row of a question, as it counts.

    Raises:
        ValueError: its signature is not one by the key that is listed under its approver.
        KeyError: a fact is missing.
        ValidationError: it is no waiver.
    """
    factory = str(row.pop("factory"))
    words = str(row.pop("words"))
    until = date.fromisoformat(row.pop("until")) if "until" in row else None
    waiver = Waiver.model_validate({**_OMITTED, **row})
    signature = waiver.signature or ""
    approver = listed.find(factory, waiver.approver, signature.partition(":")[0])
    payload = waiver_payload(waiver, factory, words)
    if approver is None or not is_signed(signature, WAIVER_TYPE, payload):
        message = "its approver has not signed it"
        raise ValueError(message)
    # A policy's text may be older than what the operator was given last.
    return within_mandate(within_mandate(waiver, until), approver.until)

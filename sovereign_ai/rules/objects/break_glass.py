"""The rule on break-glass access: access beyond the description, reported for as long as it is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sovereign_ai.names import KEYS
from sovereign_ai.rules.controls import C3A_STAFF, GDPR_SECURITY
from sovereign_ai.rules.duties import NIS2_ACCESS
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import DecisionPlace, Rule
from sovereign_ai.rules.waiver_review import BREAK_GLASS_USER

Object = Mapping[str, Any]
# These annotations inform a reader. Nothing is decided by them, since whoever may write the binding can set
# them.
ENDS = f"{KEYS.domain}/access-ends"
"""Annotation with the time at which break-glass access ends."""
REASON = f"{KEYS.domain}/access-reason"
"""Annotation with the reason of break-glass access."""
APPROVER = f"{KEYS.domain}/access-approver"
"""Annotation with the name of the person that agreed to break-glass access."""
_OTHER_PLACES: tuple[DecisionPlace, ...] = ("plan", "bundle", "pulumi", "admission")
_NEVER_DESCRIBED = (
    "break-glass access is given on a running cluster, and is never a part of what is described"
)
_ELSEWHERE = tuple((place, _NEVER_DESCRIBED) for place in _OTHER_PLACES)


def describe_access(binding: Object) -> str:
    """Return the break-glass access that a binding gives, as a sentence; empty if it gives none.

    >>> subjects = [{"kind": "User", "name": "break-glass:on-call:1f"}]
    >>> describe_access({"metadata": {"name": "b"}, "roleRef": {"name": "look"}, "subjects": subjects})
    'break-glass:on-call:1f has look until an unknown time, agreed by an unknown person: no reason is stated'
    """
    names = [subject["name"] for subject in binding.get("subjects") or []]
    users = [name for name in names if name.startswith(BREAK_GLASS_USER)]
    if not users:
        return ""
    annotations = binding["metadata"].get("annotations") or {}
    until = annotations.get(ENDS, "an unknown time")
    approver = annotations.get(APPROVER, "an unknown person")
    reason = annotations.get(REASON, "no reason is stated")
    role = binding["roleRef"]["name"]
    return f"{', '.join(users)} has {role} until {until}, agreed by {approver}: {reason}"


def _find_open_access(
    rule: Rule, live: Sequence[Object], _rendered: Sequence[Object]
) -> Iterable[RuleFinding]:
    """Yield each binding that gives break-glass access, whoever created it."""
    for obj in live:
        if obj["kind"] not in {"RoleBinding", "ClusterRoleBinding"}:
            continue
        message = describe_access(obj)
        if message:
            resource = _resource_of(obj)
            yield RuleFinding(rule.id, rule.severity, resource, "subjects", message, rule.remediation)


def _resource_of(obj: Object) -> str:
    """Return an object's name as findings write it: `Kind/namespace/name` or `Kind/name`."""
    metadata = obj["metadata"]
    parts = (obj["kind"], metadata.get("namespace"), metadata["name"])
    return "/".join(part for part in parts if part)


OPEN = Rule(
    id="BRK-001",
    title="Break-glass access is closed again",
    severity="high",
    rationale=(
        "Break-glass access goes past the description. It is given to one person, for a reason and for "
        "hours, and stays a finding for as long as it is open, so that nobody can forget it."
    ),
    remediation=(
        "wait for its end, or end it with `sovereign-ai access revoke` (`--cluster kind` on that plane); "
        "delete a binding that has no grant manually"
    ),
    controls=(NIS2_ACCESS, C3A_STAFF, GDPR_SECURITY),
    places=frozenset({"live"}),
    decide_live=_find_open_access,
    elsewhere=_ELSEWHERE,
)

RULES = (OPEN,)

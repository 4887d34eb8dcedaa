"""Break-glass access: given to a person past the description, and a finding for as long as it is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sovereign_ai.names import KEYS
from sovereign_ai.rules.asked import BREAK_GLASS_USER
from sovereign_ai.rules.controls import C3A_STAFF, GDPR_SECURITY
from sovereign_ai.rules.duties import NIS2_ACCESS
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.rule import Place, Rule

Object = Mapping[str, Any]
ENDS, REASON, APPROVER = (f"{KEYS.domain}/{name}" for name in ("access-ends", "access-reason", "access-approver"))
"""Annotations that tell a reader about break-glass access; nothing is decided by them."""
_ELSEWHERE: tuple[tuple[Place, str], ...] = tuple(
    (place, "break-glass access is given on a running cluster, and is never a part of what is described")
    for place in ("plan", "bundle", "pulumi", "admission")
)


def access(binding: Object) -> str:
    """Say what break-glass access a binding gives; empty where it gives none.

    >>> subjects = [{"kind": "User", "name": "break-glass:on-call:1f"}]
    >>> access({"metadata": {"name": "b"}, "roleRef": {"name": "look"}, "subjects": subjects})
    'break-glass:on-call:1f has look until nobody said, agreed by nobody said: nobody said'
    """
    users = [one["name"] for one in binding.get("subjects") or [] if one["name"].startswith(BREAK_GLASS_USER)]
    if not users:
        return ""
    notes = binding["metadata"].get("annotations") or {}
    until, approver, reason = (notes.get(key, "nobody said") for key in (ENDS, APPROVER, REASON))
    return f"{', '.join(users)} has {binding['roleRef']['name']} until {until}, agreed by {approver}: {reason}"


def _open(rule: Rule, live: Sequence[Object], _wanted: Sequence[Object]) -> Iterable[Finding]:
    """Break-glass access is told while its binding is there, whoever made it."""
    for obj in live:
        if obj["kind"] in {"RoleBinding", "ClusterRoleBinding"} and (message := access(obj)):
            metadata = obj["metadata"]
            resource = "/".join(part for part in (obj["kind"], metadata.get("namespace"), metadata["name"]) if part)
            yield Finding(rule.id, rule.severity, resource, "subjects", message, rule.remediation)


OPEN = Rule(
    id="BRK-001",
    title="Break-glass access is closed again",
    severity="high",
    rationale=(
        "Break-glass access goes past the description. It is given to one person, for a reason and for hours, and stays a finding for as "
        "long as it is open, so that nobody can forget it."
    ),
    remediation="wait for its end, or end it with `sovereign-ai access revoke` (`--cluster kind` on that plane); remove by hand a binding that no grant stands behind",
    controls=(NIS2_ACCESS, C3A_STAFF, GDPR_SECURITY),
    places=frozenset({"live"}),
    decide_live=_open,
    elsewhere=_ELSEWHERE,
)

RULES = (OPEN,)

"""The registry: what a rule is, and the one list of them.

>>> rule("RES-001").title
'Machines and storage of a zone stand where all its data may be'
"""

from __future__ import annotations

import hashlib

import orjson

from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.rules import (
    access,
    break_glass,
    copies,
    custody,
    energy,
    exceptions,
    flows,
    guards,
    images,
    live,
    people,
    placement,
    privilege,
    residency,
    rights,
    scheduling,
    services,
    storage,
    supply,
    transfers,
    volumes,
    workloads,
)
from sovereign_ai.rules.rule import Rule

_RULES: tuple[Rule, ...] = (
    flows.FLOWS,
    *break_glass.RULES,
    *guards.RULES,
    *images.RULES,
    *live.RULES,
    *placement.RULES,
    *privilege.RULES,
    *rights.RULES,
    *scheduling.RULES,
    *services.RULES,
    *storage.RULES,
    *volumes.RULES,
    *workloads.RULES,
    *residency.RULES,
    *people.RULES,
    *access.RULES,
    *copies.RULES,
    *custody.RULES,
    *energy.RULES,
    *exceptions.RULES,
    *supply.RULES,
    *transfers.RULES,
)
REGISTRY: tuple[Rule, ...] = tuple(sorted((*_RULES, exceptions.aimed(rule.id for rule in _RULES)), key=lambda rule: rule.id))
"""Every rule, sorted by id."""


def rule(rule_id: str) -> Rule:
    """Give one rule.

    Raises:
        UsageError: there is none of that id.
    """
    for one in REGISTRY:
        if one.id == rule_id:
            return one
    raise UsageError(Problem("unknown-rule", f"no rule has the id {rule_id!r}", hint=nearest(rule_id, [one.id for one in REGISTRY])))


def registry_data() -> list[dict[str, object]]:
    """Give the registry as plain data, stable: what `rules --json` prints and what its digest covers."""
    return [one.to_data() for one in REGISTRY]


def registry_digest() -> str:
    """Give the SHA-256 of the registry's canonical JSON, hexadecimal."""
    return hashlib.sha256(orjson.dumps(registry_data(), option=orjson.OPT_SORT_KEYS)).hexdigest()

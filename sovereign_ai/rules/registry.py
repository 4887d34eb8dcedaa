"""The registry: the list of all rules, sorted by id, and its digest.

>>> find_rule("RES-001").title
'Machines and storage of a zone stand where all its data may be'
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import orjson

from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.rules import residency_by_default
from sovereign_ai.rules.description import (
    access,
    copies,
    custody,
    dns,
    energy,
    exceptions,
    links,
    people,
    platform,
    platform_rights,
    providers,
    residency,
    supply,
    transfers,
)
from sovereign_ai.rules.objects import (
    break_glass,
    flows,
    guards,
    handles,
    images,
    live,
    machines,
    names,
    network_plugin,
    placement,
    pod_networks,
    privilege,
    requests,
    rights,
    scheduling,
    services,
    storage,
    volumes,
    workloads,
)
from sovereign_ai.rules.rule import Rule

_MODULES = (
    flows,
    break_glass,
    guards,
    handles,
    images,
    links,
    live,
    machines,
    names,
    network_plugin,
    placement,
    pod_networks,
    platform,
    platform_rights,
    privilege,
    providers,
    requests,
    rights,
    scheduling,
    services,
    storage,
    volumes,
    workloads,
    residency,
    people,
    access,
    copies,
    custody,
    dns,
    energy,
    exceptions,
    supply,
    transfers,
    residency_by_default,
)
"""The modules that define rules, each in its `RULES`."""


def _all_rules() -> tuple[Rule, ...]:
    """Return every rule, sorted by id."""
    rules: list[Rule] = []
    for module in _MODULES:
        rules += module.RULES
    # The rule that waivers name existing rules has to know the ids of all others.
    ids = [rule.id for rule in rules]
    rules.append(exceptions.aimed(ids))
    return tuple(sorted(rules, key=lambda rule: rule.id))


REGISTRY: tuple[Rule, ...] = _all_rules()
"""Every rule, sorted by id."""


def find_rule(rule_id: str) -> Rule:
    """Return one rule.

    Raises:
        UsageError: no rule has that id.
    """
    for candidate in REGISTRY:
        if candidate.id == rule_id:
            return candidate
    # An id that is spelt like another group's is another rule, so that its own group is looked at first.
    groups: dict[str, list[str]] = {}
    for candidate in REGISTRY:
        groups.setdefault(candidate.id[:3], []).append(candidate.id)
    group = rule_id[:3] if rule_id[:3] in groups else _group_of_same_letters(rule_id, groups)
    hint = nearest(rule_id, groups[group]) if group else f"groups of rules: {', '.join(sorted(groups))}"
    raise UsageError(Problem("unknown-rule", f"no rule has the id {rule_id!r}", hint=hint))


def _group_of_same_letters(rule_id: str, groups: Iterable[str]) -> str:
    """Return the group whose letters an id has in another order; empty where there is none."""
    for group in groups:
        if sorted(group) == sorted(rule_id[:3]):
            return group
    return ""


def registry_data() -> list[dict[str, object]]:
    """Return the registry as plain data, stable: `rules --json` prints it and its digest covers it."""
    return [each.to_data() for each in REGISTRY]


def registry_digest() -> str:
    """Return the SHA-256 of the registry's canonical JSON, hexadecimal."""
    canonical = orjson.dumps(registry_data(), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()

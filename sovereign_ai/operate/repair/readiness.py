"""Machines that a NodeReadinessRule keeps from new pods for longer than a policy has patience.

The node readiness controller taints a machine as long as conditions that a rule requires are not met, such as
that of a network agent. A taint of effect `NoSchedule` has no moment; the conditions have theirs. How long is
too long is a policy's: a machine that starts is tainted too, and an agent that is rolled out badly taints all
machines at once, whom no restart helps. Source: kubernetes-sigs/node-readiness-controller, api/v1alpha1 (read
2026-11-29).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.repair.faults import READY, Fault, Object, Remedy
from sovereign_ai.operate.repair.record import read_moment

READINESS = "readiness.node.x-k8s.io/v1alpha1"
"""The API of the kind NodeReadinessRule."""
_PREFIX = "readiness.k8s.io/"
"""What the key of each of its taints begins with."""
_EFFECTS = {"NoSchedule", "NoExecute"}
_ABSENT = "Unknown"
"""The status of a condition that a machine does not have, where a rule names no other."""
_LONGEST = 400
"""Letters of a key or a type that are read."""


@frozen_dataclass
class ReadinessRule:
    """What decisions read of a NodeReadinessRule.

    Attributes:
        key: the key of its taint.
        conditions: the type of each condition, the status that is required, and that of an absent one.
        is_any: whether one of the conditions is enough.
    """

    key: str
    conditions: tuple[tuple[str, str, str], ...]
    is_any: bool = False


def read_rule(live: Object) -> ReadinessRule | None:
    """Return a rule; None for an object that is none: a cluster's own definition may permit anything."""
    spec = live.get("spec")
    taint = spec.get("taint") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(taint, Mapping):
        return None
    key, listed = _text(taint, "key"), spec.get("conditions")
    conditions = []
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, Mapping):
            absent = _text(each, "defaultStatus") or _ABSENT
            conditions.append((_text(each, "type"), _text(each, "requiredStatus"), absent))
    if not key.startswith(_PREFIX) or not conditions:
        return None
    return ReadinessRule(key, tuple(conditions), spec.get("conditionPolicy") == "anyOf")


def has_readiness_taint(node: Object) -> bool:
    """Return whether a rule keeps pods from a machine."""
    return bool(_keys(node))


def readiness_faults(
    node: Object, rules: Iterable[ReadinessRule], now: datetime, patience: timedelta
) -> tuple[Fault, ...]:
    """Return the faults of a machine that rules keep tainted, one for each taint, sorted.

    Args:
        node: the live Node.
        rules: the rules of the cluster.
        now: the moment of the observation.
        patience: how long conditions may be unmet before that is a fault.
    """
    keys = _keys(node)
    faults = set()
    for rule in rules:
        since = _unmet_since(node, rule) if rule.key in keys else None
        if since is not None and now - since >= patience:
            faults.add(Fault(rule.key, None, 0, Remedy.REBOOT))
    return tuple(sorted(faults, key=str))


def _keys(node: Object) -> set[str]:
    """Return the keys of the taints by which rules keep pods from a machine."""
    keys = set()
    for taint in (node.get("spec") or {}).get("taints") or ():
        key = str(taint.get("key") or "")
        if key.startswith(_PREFIX) and taint.get("effect") in _EFFECTS:
            keys.add(key)
    return keys


def _unmet_since(node: Object, rule: ReadinessRule) -> datetime | None:
    """Return since when a machine does not meet a rule; None where it does, or nobody knows."""
    live = {}
    for condition in (node.get("status") or {}).get("conditions") or ():
        live[condition.get("type")] = condition
    moments = []
    for kind, required, absent in rule.conditions:
        condition = live.get(kind)
        if (condition.get("status") if condition else absent) == required:
            if rule.is_any:
                return None
            continue
        # What was never reported has been missing since the machine was ready, or fell silent.
        moment = read_moment((condition or live.get(READY) or {}).get("lastTransitionTime"))
        if moment is not None:
            moments.append(moment)
    if not moments:
        return None
    return max(moments) if rule.is_any else min(moments)


def _text(mapping: Mapping[str, Any], name: str) -> str:
    """Return a text of a mapping; empty where it is none."""
    value = mapping.get(name)
    return value[:_LONGEST] if isinstance(value, str) else ""

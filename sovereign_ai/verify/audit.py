"""The audit: every rule on what is live, which sees what was there before the policies came.

    found = audit(api, factory, plan, bundle, cluster="lab", now=date(2026, 11, 24))
    found.verdict.ok, [str(one) for one in found.readers]

Objects in our namespaces and those outside namespaces are judged by the object rules; who can read
secrets, get into pods or change policies follows from all roles and bindings together. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sovereign_ai.cluster.access import Api
from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.check import placed
from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.judge import Finding, Verdict, judge
from sovereign_ai.rules.kinds import KINDS
from sovereign_ai.rules.live import SECRETS, Grant, grants
from sovereign_ai.rules.makers import made_from
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify.observe import Observed, observe

if TYPE_CHECKING:
    from sovereign_ai.render.kubernetes.bundle import Bundle

_NEVER_STORED = frozenset({"Binding"})
"""Kinds that are written and never kept, so that none can be listed."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found live.

    Attributes:
        cluster: the plan's name for it.
        verdict: the findings, held against waivers.
        readers: everybody who can read secrets in our namespaces by roles and bindings, declared or not.
        judged: how many objects were judged.
        unserved: kinds that the server does not serve, of which there are no objects.
        observed_at: when the reading began, UTC; no part of the verdict.
    """

    cluster: str
    verdict: Verdict
    readers: tuple[Grant, ...]
    judged: int
    unserved: tuple[str, ...]
    observed_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Give plain data in a stable order."""
        return {
            "cluster": self.cluster,
            "objects": self.judged,
            "unserved": list(self.unserved),
            "secret_readers": [one.to_data() for one in self.readers],
            "observed_at": self.observed_at.isoformat(),
            **self.verdict.to_data(),
        }


def audit(api: Api, factory: AIFactory, plan: Plan, bundle: Bundle, *, cluster: str, now: date) -> Audit:
    """Judge a cluster as it is.

    Args:
        api: the cluster.
        factory: the description.
        plan: what follows from it.
        bundle: the cluster's rendered objects.
        cluster: the plan's name for it.
        now: the day on which waivers are judged.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    observed = observe(api, factory, [*bundle.objects, *_kinds()])
    live = [obj for objects in observed.objects.values() for obj in objects]
    ours = {obj["metadata"]["name"] for obj in bundle.objects if obj["kind"] == "Namespace"}
    judged = [obj for obj in live if obj["kind"] in KINDS and obj["metadata"].get("namespace", "") in {"", *ours}]
    found = [*evaluate(judged, factory_context(factory, plan, cluster), "live"), *_together(live, bundle.objects)]
    known = {_name(obj) for obj in bundle.objects}
    return Audit(
        cluster=cluster,
        verdict=judge(placed(found, factory, judged, factory.where), factory.waivers, now, made_from(judged)),
        readers=tuple(one for one in grants(live, SECRETS) if one.namespace in {"", *ours}),
        judged=len(judged),
        unserved=_unserved(observed, known),
        observed_at=observed.observed_at,
    )


def _kinds() -> Iterator[dict[str, str]]:
    """Give every kind that a rule looks at, as far as it is ever stored."""
    for kind in KINDS.values():
        if kind.name not in _NEVER_STORED:
            yield {"apiVersion": f"{kind.api_group}/{kind.version}" if kind.api_group else kind.version, "kind": kind.name}


def _together(live: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Decide the rules that need all live objects at once; a rule that fails is itself a violation."""
    for rule in REGISTRY:
        if rule.decide_live is None:
            continue
        try:
            yield from list(rule.decide_live(rule, live, wanted))
        except Exception as error:  # noqa: BLE001 - a crash is a violation that names the rule
            message = f"cannot be decided: {type(error).__name__}: {error}"
            yield Finding(rule.id, rule.severity, "", "", message, rule.remediation)


def _name(obj: Mapping[str, Any]) -> str:
    """Name an object's kind."""
    return f"{obj['apiVersion']} {obj['kind']}"


def _unserved(observed: Observed, wanted: set[str]) -> tuple[str, ...]:
    """Name the kinds that the server does not serve; rendered ones first, since something is missing there."""
    names = {f"{version} {kind}" for version, kind in observed.unserved}
    return (*sorted(names & wanted), *sorted(names - wanted))

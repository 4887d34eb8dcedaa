"""Rules on a factory: each is written once, and decided in every place that can decide it.

Rules of this package:

* An object rule is a list of CEL expressions; true means allowed. The renderer turns the same text into
admission
  policies, and `engine.py` evaluates it offline. Functions that only Kubernetes has are defined in
  `functions.py`.
* What an expression knows of the factory is in a `Context` and is baked in as constants, so that nothing a
tenant
  can edit decides anything.
* A plan rule is Python on the typed model and points at the field of the description. A live rule is Python
on all
  objects of a running cluster.
* An error, a crash or an unknown value is a violation that names the rule. A rule that a place cannot decide
is
  reported as `undecidable`, which never counts as a pass.
* Only `judgement.py` applies waivers, and it takes the day as an argument.
* The texts of a rule are part of the registry's digest, which rendered objects carry: changing one changes
them.

    from sovereign_ai.rules import check

    verdict = check(factory, plan, bundle.objects, now=date(2026, 11, 24))
    verdict.ok, [str(finding) for finding in verdict.violations]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.rules.addons.sending_kinds import SENDS_OUT, sends_out
    from sovereign_ai.rules.approval import (
        ACCESS_TYPE,
        NO_APPROVERS,
        WAIVER_TYPE,
        ListedApprovers,
        access_payload,
        approved_waivers,
        approver_of,
        as_counted,
        explain_refusal,
        explain_waiver_refusal,
        is_signed,
        mandate_ends,
        pae,
        signed_waivers,
        unapproved_waivers,
        waiver_payload,
    )
    from sovereign_ai.rules.cel.literals import literal
    from sovereign_ai.rules.cel.selection import ExpressionError, chosen_by
    from sovereign_ai.rules.context import (
        API_PORT,
        API_SERVERS,
        DNS_NAMESPACE,
        DNS_POLICY,
        ENCRYPTION_KEY,
        Context,
        factory_context,
    )
    from sovereign_ai.rules.controls import Control
    from sovereign_ai.rules.coverage import PLACES, Cell, decided_share, places_matrix
    from sovereign_ai.rules.engine import evaluate
    from sovereign_ai.rules.expressions import paths_of, variables_of_group, with_constants, with_paths
    from sovereign_ai.rules.image_signatures import (
        NOT_CHECKED,
        SignatureReview,
        explain_unsigned,
        review_signatures,
        signed_registries,
    )
    from sovereign_ai.rules.judgement import (
        ADVISORY,
        RuleFinding,
        RuleVerdict,
        Severity,
        judge,
        merge_verdicts,
    )
    from sovereign_ai.rules.kinds import GROUPS, KINDS, OTHER, Group, find_kind, kinds_of_group
    from sovereign_ai.rules.normalization import UNKNOWN
    from sovereign_ai.rules.objects.images import registries_of
    from sovereign_ai.rules.objects.names import CONFIGURES_DNS, RESOLVED
    from sovereign_ai.rules.objects.network_plugin import CONFIGURES_PLUGIN, SETTINGS
    from sovereign_ai.rules.objects.services import ANNOTATED
    from sovereign_ai.rules.owners import made_from, makers, workloads
    from sovereign_ai.rules.placeless_kinds import HARMLESS
    from sovereign_ai.rules.platform_objects import evaluate_deployed, judge_manifests
    from sovereign_ai.rules.registry import REGISTRY, find_rule, registry_data, registry_digest
    from sovereign_ai.rules.rule import Rule, RuleCheck
    from sovereign_ai.rules.whole_check import check, decide, locate_findings
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "approval": (
                "ACCESS_TYPE",
                "ListedApprovers",
                "NO_APPROVERS",
                "WAIVER_TYPE",
                "access_payload",
                "approved_waivers",
                "approver_of",
                "as_counted",
                "explain_refusal",
                "explain_waiver_refusal",
                "is_signed",
                "mandate_ends",
                "pae",
                "signed_waivers",
                "unapproved_waivers",
                "waiver_payload",
            ),
            "cel.literals": ("literal",),
            "context": (
                "API_PORT",
                "API_SERVERS",
                "Context",
                "DNS_NAMESPACE",
                "DNS_POLICY",
                "ENCRYPTION_KEY",
                "factory_context",
            ),
            "addons.sending_kinds": ("SENDS_OUT", "sends_out"),
            "controls": ("Control",),
            "coverage": ("Cell", "PLACES", "decided_share", "places_matrix"),
            "engine": ("evaluate",),
            "expressions": ("paths_of", "variables_of_group", "with_constants", "with_paths"),
            "image_signatures": (
                "NOT_CHECKED",
                "SignatureReview",
                "explain_unsigned",
                "review_signatures",
                "signed_registries",
            ),
            "judgement": ("ADVISORY", "RuleFinding", "RuleVerdict", "Severity", "judge", "merge_verdicts"),
            "kinds": ("GROUPS", "Group", "KINDS", "OTHER", "find_kind", "kinds_of_group"),
            "normalization": ("UNKNOWN",),
            "objects.images": ("registries_of",),
            "objects.names": ("CONFIGURES_DNS", "RESOLVED"),
            "objects.network_plugin": ("CONFIGURES_PLUGIN", "SETTINGS"),
            "objects.services": ("ANNOTATED",),
            "owners": ("made_from", "makers", "workloads"),
            "placeless_kinds": ("HARMLESS",),
            "platform_objects": ("evaluate_deployed", "judge_manifests"),
            "registry": ("REGISTRY", "find_rule", "registry_data", "registry_digest"),
            "rule": ("Rule", "RuleCheck"),
            "cel.selection": ("ExpressionError", "chosen_by"),
            "whole_check": ("check", "decide", "locate_findings"),
        },
    )

__all__ = [
    "ACCESS_TYPE",
    "ADVISORY",
    "ANNOTATED",
    "API_PORT",
    "API_SERVERS",
    "CONFIGURES_DNS",
    "CONFIGURES_PLUGIN",
    "DNS_NAMESPACE",
    "DNS_POLICY",
    "ENCRYPTION_KEY",
    "GROUPS",
    "HARMLESS",
    "KINDS",
    "NOT_CHECKED",
    "NO_APPROVERS",
    "OTHER",
    "PLACES",
    "REGISTRY",
    "RESOLVED",
    "SENDS_OUT",
    "SETTINGS",
    "UNKNOWN",
    "WAIVER_TYPE",
    "Cell",
    "Context",
    "Control",
    "ExpressionError",
    "Group",
    "ListedApprovers",
    "Rule",
    "RuleCheck",
    "RuleFinding",
    "RuleVerdict",
    "Severity",
    "SignatureReview",
    "access_payload",
    "approved_waivers",
    "approver_of",
    "as_counted",
    "check",
    "chosen_by",
    "decide",
    "decided_share",
    "evaluate",
    "evaluate_deployed",
    "explain_refusal",
    "explain_unsigned",
    "explain_waiver_refusal",
    "factory_context",
    "find_kind",
    "find_rule",
    "is_signed",
    "judge",
    "judge_manifests",
    "kinds_of_group",
    "literal",
    "locate_findings",
    "made_from",
    "makers",
    "mandate_ends",
    "merge_verdicts",
    "pae",
    "paths_of",
    "places_matrix",
    "registries_of",
    "registry_data",
    "registry_digest",
    "review_signatures",
    "sends_out",
    "signed_registries",
    "signed_waivers",
    "unapproved_waivers",
    "variables_of_group",
    "waiver_payload",
    "with_constants",
    "with_paths",
    "workloads",
]

"""Publish an audit as OpenReports objects: a Report for each of the stack's namespaces, and a ClusterReport.

Nothing is written unless it is requested. Objects of an earlier audit are replaced and its surplus parts
removed, so that the cluster holds the last audit and nothing else. No finding is left out: a violation is
`fail`, one that a waiver covers and one that is advice are `warn`, one that cannot be decided in the cluster
is `skip`. A rule without findings is one `pass` in the ClusterReport.

    publish(api, audit(api, factory, plan, bundle, cluster="lab", now=day), factory.name, namespaces)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sovereign_ai.cluster.api import Api, delete_as_read
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.names import KEYS, OWNER, SYSTEM_NAMESPACE
from sovereign_ai.rules import KINDS, REGISTRY, RuleFinding
from sovereign_ai.verify.cluster_audit import AuditResult

Object = dict[str, Any]
VERSION = "openreports.io/v1alpha1"
REPORT, CLUSTER_REPORT = "Report", "ClusterReport"
OBSERVED_AT = f"{KEYS.domain}/observed-at"
COMPONENT = "report.audit"
MOST_RESULTS = 500
"""Results in one object: about 400 kB of the 1.5 MB that the API server takes."""
_RESULTS = {"violation": "fail", "waived": "warn", "notice": "warn", "undecidable": "skip"}
"""A finding's status to the result that OpenReports has for it."""
_SEVERITIES = {"warning": "low"}
"""OpenReports has no severity `warning`."""
_LONGEST = 1_024
"""Characters of a message or of a property."""


def publish(
    api: Api, audit: AuditResult, factory: str, namespaces: Iterable[str], *, dry_run: bool = False
) -> list[Object]:
    """Write an audit into its cluster.

    Args:
        api: the cluster.
        audit: its audit.
        factory: the factory's name.
        namespaces: the stack's namespaces; each gets a report, with or without findings.
        dry_run: have the server validate the objects, and store and remove none.

    Returns:
        The objects.

    Raises:
        EnvironmentLacksError: the cluster does not serve OpenReports.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    _require_openreports(api)
    objects = reports(audit, factory, namespaces)
    system = api.get("v1", "Namespace", SYSTEM_NAMESPACE)
    for obj in objects:
        if obj["kind"] == CLUSTER_REPORT and system is not None:
            obj["metadata"]["ownerReferences"] = [_owner(system)]
        api.apply(obj, force=True, dry_run=dry_run)
    if not dry_run:
        _remove_surplus(api, factory, objects)
    return objects


def _require_openreports(api: Api) -> None:
    """Check that the cluster serves the kinds of OpenReports.

    Raises:
        EnvironmentLacksError: it does not.
    """
    served = {resource.kind for resource in api.kinds() if resource.api_version == VERSION}
    missing = [kind for kind in (REPORT, CLUSTER_REPORT) if kind not in served]
    if missing:
        kinds = " and ".join(missing)
        message = f"the cluster does not serve {kinds} of {VERSION}, so the audit was not published"
        hint = (
            "install the custom resource definitions of openreports/reports-api 0.2 or later, "
            "or leave --publish out"
        )
        raise EnvironmentLacksError(Problem("openreports-missing", message, hint=hint))


def reports(audit: AuditResult, factory: str, namespaces: Iterable[str]) -> list[Object]:
    """Return the objects, sorted by namespace, the ClusterReport first."""
    results: dict[str, list[Object]] = {"": list(_passed_rules(audit))}
    for name in sorted(set(namespaces)):
        results[name] = []
    for finding in audit.verdict.findings:
        namespace = _namespace(finding)
        # A namespace that is not the stack's gets no report: its findings go into the ClusterReport.
        key = namespace if namespace in results else ""
        results[key].append(_result(finding))
    objects: list[Object] = []
    for namespace, namespace_results in sorted(results.items()):
        objects += _report_parts(factory, audit, namespace, namespace_results)
    return objects


def _report_parts(
    factory: str, audit: AuditResult, namespace: str, results: Sequence[Object]
) -> Iterator[Object]:
    """Yield the report on one namespace, in as many objects as its results need, and at least one."""
    # A ClusterReport is in no namespace, so its name has to name the factory.
    name = OWNER if namespace else f"{OWNER}-{factory}"
    last = max(len(results), 1)
    for number, begin in enumerate(range(0, last, MOST_RESULTS), 1):
        batch = results[begin : begin + MOST_RESULTS]
        metadata: Object = {
            "name": name if number == 1 else f"{name}-{number}",
            "labels": {KEYS.owner: OWNER, KEYS.factory: factory, KEYS.component: COMPONENT},
            "annotations": {OBSERVED_AT: audit.observed_at.isoformat()},
        }
        if namespace:
            metadata["namespace"] = namespace
        counts = Counter(result["result"] for result in batch)
        summary = {word: counts[word] for word in ("pass", "fail", "warn", "error", "skip")}
        yield {
            "apiVersion": VERSION,
            "kind": REPORT if namespace else CLUSTER_REPORT,
            "metadata": metadata,
            "source": OWNER,
            "summary": summary,
            "results": list(batch),
        }


def _passed_rules(audit: AuditResult) -> Iterator[Object]:
    """Yield a result for each rule on live objects that has no finding."""
    failed = {finding.rule for finding in audit.verdict.findings}
    for rule in REGISTRY:
        if "live" in rule.places and rule.id not in failed:
            yield {
                "source": OWNER,
                "policy": OWNER,
                "rule": rule.id,
                "result": "pass",
                "severity": _SEVERITIES.get(rule.severity, rule.severity),
                "message": rule.title,
            }


def _result(finding: RuleFinding) -> Object:
    """Return a finding as a result."""
    location = finding.where
    described_at = str(location) if location.file or location.field else ""
    properties = {
        "status": finding.status,
        "field": finding.field,
        "remediation": finding.remediation,
        "waiver": finding.waiver,
        "described-at": described_at,
    }
    stated = {name: text[:_LONGEST] for name, text in properties.items() if text}
    result: Object = {
        "source": OWNER,
        "policy": OWNER,
        "rule": finding.rule,
        "result": _RESULTS[finding.status],
        "severity": _SEVERITIES.get(finding.severity, finding.severity),
        "message": finding.message[:_LONGEST],
        "properties": stated,
    }
    if finding.resource:
        result["resources"] = [_object_reference(finding.resource)]
    return result


def _object_reference(resource: str) -> Object:
    """Return the reference to an object by its name in findings; `Kind/name` is in no namespace."""
    kind, *path = resource.split("/")
    reference: Object = {"kind": kind, "name": path[-1] if path else ""}
    known = KINDS.get(kind)
    if known is not None:
        group = known.api_group
        reference["apiVersion"] = f"{group}/{known.version}" if group else known.version
    if len(path) > 1:
        reference["namespace"] = path[0]
    return reference


def _namespace(finding: RuleFinding) -> str:
    """Return the namespace of a finding's object; empty if it is in none."""
    parts = finding.resource.split("/")
    return parts[1] if len(parts) > 2 else ""


def _owner(namespace: Object) -> Object:
    """Return the owner reference by which a ClusterReport is deleted together with the system namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "name": SYSTEM_NAMESPACE,
        "uid": namespace["metadata"]["uid"],
    }


def _remove_surplus(api: Api, factory: str, objects: Iterable[Object]) -> None:
    """Remove what an earlier audit wrote and this one did not."""
    written = set(map(_key, objects))
    selector = f"{KEYS.owner}={OWNER},{KEYS.factory}={factory},{KEYS.component}={COMPONENT}"
    for kind in (REPORT, CLUSTER_REPORT):
        for earlier in api.list(VERSION, kind, label_selector=selector):
            key = _key({**earlier, "kind": kind})
            if key not in written:
                delete_as_read(api, VERSION, kind, earlier["metadata"])


def _key(obj: Object) -> tuple[str, str | None, str]:
    """Return what identifies a report: kind, namespace and name."""
    metadata = obj["metadata"]
    return obj["kind"], metadata.get("namespace"), metadata["name"]

"""What an audit found, as OpenReports objects in the cluster: a Report for each namespace of ours, a ClusterReport for the rest.

Written only when asked for. Objects of an earlier audit are replaced and left-over parts of them
removed, so that what stands in the cluster is the last audit and nothing else. A finding is never
left out: a violation is `fail`, one that a waiver covers and one that is advice are `warn`, one that
cannot be decided there is `skip`; a rule without any finding is one `pass` in the ClusterReport.

    publish(api, audit(api, factory, plan, bundle, cluster="lab", now=day), factory.name, namespaces)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sovereign_ai.cluster.access import Api
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.names import KEYS, OWNER, SYSTEM_NAMESPACE
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.kinds import KINDS
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.verify.audit import Audit

Object = dict[str, Any]
VERSION = "openreports.io/v1alpha1"
REPORT, CLUSTER_REPORT = "Report", "ClusterReport"
OBSERVED_AT = f"{KEYS.domain}/observed-at"
COMPONENT = "report.audit"
MOST_RESULTS = 500
"""Results in one object: about 400 kB of the 1.5 MB that the API server takes."""
_WORDS = {"violation": "fail", "waived": "warn", "notice": "warn", "undecidable": "skip"}
_SEVERITIES = {"warning": "low"}
"""OpenReports knows no `warning`."""
_LONGEST = 1_024


def publish(api: Api, audit: Audit, factory: str, namespaces: Iterable[str], *, dry_run: bool = False) -> list[Object]:
    """Write what was found into the cluster.

    Args:
        api: the cluster.
        audit: what was found there.
        factory: the factory's name.
        namespaces: its namespaces; each gets a report, also one in which nothing was found.
        dry_run: have the server judge the objects, and store and remove none.

    Returns:
        The objects.

    Raises:
        EnvironmentLacksError: the cluster does not serve OpenReports.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    served = {one.kind for one in api.kinds() if one.api_version == VERSION}
    if missing := [kind for kind in (REPORT, CLUSTER_REPORT) if kind not in served]:
        hint = "install the custom resource definitions of openreports/reports-api 0.2 or later, or leave --publish out"
        message = f"the cluster does not serve {' and '.join(missing)} of {VERSION}, so the audit was not published"
        raise EnvironmentLacksError(Problem("openreports-missing", message, hint=hint))
    objects = reports(audit, factory, namespaces)
    system = api.get("v1", "Namespace", SYSTEM_NAMESPACE)
    for obj in objects:
        if obj["kind"] == CLUSTER_REPORT and system is not None:
            obj["metadata"]["ownerReferences"] = [_owner(system)]
        api.apply(obj, force=True, dry_run=dry_run)
    if not dry_run:
        _tidy(api, factory, objects)
    return objects


def reports(audit: Audit, factory: str, namespaces: Iterable[str]) -> list[Object]:
    """Give the objects, sorted by namespace, the ClusterReport first."""
    ours = sorted(set(namespaces))
    results: dict[str, list[Object]] = {"": list(_passed(audit)), **{name: [] for name in ours}}
    for finding in audit.verdict.findings:
        namespace = _namespace(finding)
        results[namespace if namespace in results else ""].append(_result(finding))
    return [one for namespace, found in sorted(results.items()) for one in _parts(factory, audit, namespace, found)]


def _parts(factory: str, audit: Audit, namespace: str, results: Sequence[Object]) -> Iterator[Object]:
    """Give the report of one namespace, in as many objects as its results need."""
    name = OWNER if namespace else f"{OWNER}-{factory}"
    batches = [results[begin : begin + MOST_RESULTS] for begin in range(0, len(results), MOST_RESULTS)] or [[]]
    for number, batch in enumerate(batches, 1):
        labels = {KEYS.owner: OWNER, KEYS.factory: factory, KEYS.component: COMPONENT}
        metadata: Object = {"name": name if number == 1 else f"{name}-{number}", "labels": labels}
        metadata["annotations"] = {OBSERVED_AT: audit.observed_at.isoformat()}
        if namespace:
            metadata["namespace"] = namespace
        counted = Counter(result["result"] for result in batch)
        yield {
            "apiVersion": VERSION,
            "kind": REPORT if namespace else CLUSTER_REPORT,
            "metadata": metadata,
            "source": OWNER,
            "summary": {word: counted[word] for word in ("pass", "fail", "warn", "error", "skip")},
            "results": list(batch),
        }


def _passed(audit: Audit) -> Iterator[Object]:
    """Give a result for each rule on live objects that found nothing."""
    spoken = {finding.rule for finding in audit.verdict.findings}
    for rule in REGISTRY:
        if "live" in rule.places and rule.id not in spoken:
            severity = _SEVERITIES.get(rule.severity, rule.severity)
            yield {"source": OWNER, "policy": OWNER, "rule": rule.id, "result": "pass", "severity": severity, "message": rule.title}


def _result(finding: Finding) -> Object:
    """Give one finding as a result."""
    properties = {
        "status": finding.status,
        "field": finding.field,
        "remediation": finding.remediation,
        "waiver": finding.waiver,
        "described-at": str(finding.where) if finding.where.file or finding.where.field else "",
    }
    result: Object = {
        "source": OWNER,
        "policy": OWNER,
        "rule": finding.rule,
        "result": _WORDS[finding.status],
        "severity": _SEVERITIES.get(finding.severity, finding.severity),
        "message": finding.message[:_LONGEST],
        "properties": {key: value[:_LONGEST] for key, value in properties.items() if value},
    }
    if finding.resource:
        result["resources"] = [_resource(finding.resource)]
    return result


def _resource(resource: str) -> Object:
    """Give the reference to an object; `Kind/name` lies in no namespace."""
    kind, *rest = resource.split("/")
    known = KINDS.get(kind)
    reference: Object = {"kind": kind, "name": rest[-1] if rest else ""}
    if known is not None:
        reference["apiVersion"] = f"{known.api_group}/{known.version}" if known.api_group else known.version
    if len(rest) > 1:
        reference["namespace"] = rest[0]
    return reference


def _namespace(finding: Finding) -> str:
    """Give the namespace of a finding's object; empty where it lies in none."""
    parts = finding.resource.split("/")
    return parts[1] if len(parts) > 2 else ""


def _owner(namespace: Object) -> Object:
    """Let a report that lies in no namespace go when our own namespace goes."""
    return {"apiVersion": "v1", "kind": "Namespace", "name": SYSTEM_NAMESPACE, "uid": namespace["metadata"]["uid"]}


def _tidy(api: Api, factory: str, objects: Iterable[Object]) -> None:
    """Remove what an earlier audit wrote and this one did not."""
    kept = {(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]) for obj in objects}
    selector = f"{KEYS.owner}={OWNER},{KEYS.factory}={factory},{KEYS.component}={COMPONENT}"
    for kind in (REPORT, CLUSTER_REPORT):
        for old in api.list(VERSION, kind, label_selector=selector):
            name, namespace = old["metadata"]["name"], old["metadata"].get("namespace")
            if (kind, namespace, name) not in kept:
                api.delete(VERSION, kind, name, namespace)

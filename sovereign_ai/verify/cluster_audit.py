"""Judge every live object by the rules, including objects that are older than the admission policies.

    result = audit(api, factory, plan, bundle, cluster="lab", now=date(2026, 11, 24))
    result.verdict.ok, [str(grant) for grant in result.readers]

The object rules judge objects in the stack's namespaces and objects outside namespaces. Who can read secrets,
get into pods or change policies follows from all roles and bindings together. An audit writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import merged
from sovereign_ai.plan import Plan
from sovereign_ai.rules import (
    ANNOTATED,
    DNS_NAMESPACE,
    HARMLESS,
    KINDS,
    OTHER,
    REGISTRY,
    RESOLVED,
    SETTINGS,
    Context,
    RuleFinding,
    RuleVerdict,
    approved_waivers,
    evaluate,
    factory_context,
    find_kind,
    judge,
    locate_findings,
    made_from,
    sends_out,
)
from sovereign_ai.rules.rbac import SECRETS, Rights, RoleGrant, effective_grants, is_control_plane
from sovereign_ai.spec import AIFactory
from sovereign_ai.verify.kinds import BY_LABEL
from sovereign_ai.verify.observation import Observed, observe

if TYPE_CHECKING:
    from sovereign_ai.render.kubernetes import Bundle

Object = Mapping[str, Any]

_NOT_LISTED = frozenset({"Binding", "Secret"})
"""Kinds that the API server never stores, or whose content this tool must not read."""
_FORBIDDEN = 403
_HARMLESS = frozenset((kind.api_group, kind.kind) for kind in HARMLESS)


@frozen_dataclass
class AuditResult:
    """The result of an audit.

    Attributes:
        cluster: the plan's name for the cluster.
        verdict: the findings, after waivers.
        readers: every subject that roles and bindings allow to read secrets in the stack's namespaces,
            declared or not, directly or through other rights.
        judged: the number of objects that were judged.
        unserved: kinds that the server does not serve, of which there are no objects.
        unread: namespaces of the stack in which the caller may not list Secrets, so that their annotations
            and labels were not judged.
        observed_at: when the reading began, UTC; not part of the verdict.
    """

    cluster: str
    verdict: RuleVerdict
    readers: tuple[RoleGrant, ...]
    judged: int
    unserved: tuple[str, ...]
    observed_at: datetime
    unread: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return plain data in a stable order."""
        reading = {
            "cluster": self.cluster,
            "objects": self.judged,
            "unserved": list(self.unserved),
            "unread_secrets": list(self.unread),
            "secret_readers": [grant.to_data() for grant in self.readers],
            "observed_at": self.observed_at.isoformat(),
        }
        return merged(reading, self.verdict.to_data())


def audit(
    api: Api, factory: AIFactory, plan: Plan, bundle: Bundle, *, cluster: str, now: date
) -> AuditResult:
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
    observed = observe(api, factory, [*bundle.objects, *_kinds(), *_other_kinds(api)])
    live: list[Object] = []
    for objects in observed.objects.values():
        live.extend(objects)
    namespaces = {obj["metadata"]["name"] for obj in bundle.objects if obj["kind"] == "Namespace"}
    live += _list_by_namespace(api, namespaces, live)
    context = factory_context(factory, plan, cluster)
    secrets, unread = _metadata_of_secrets(api, namespaces)

    # Objects in foreign namespaces are listed too, since a binding anywhere counts for the rights below. Of
    # these, those are judged that send out what is stored from wherever they are, as at admission.
    scopes = {"", *namespaces}
    judged: list[Object] = []
    for obj in live:
        is_ours = obj["metadata"].get("namespace", "") in scopes
        if _is_judged(obj) and (is_ours or _sends_out(obj)):
            judged.append(obj)

    findings = [
        *evaluate(judged, context, "live"),
        *_judge_metadata(secrets, context),
        *_judge_system(api, context),
        *_judge_together(live, bundle.objects),
    ]
    located = locate_findings(findings, factory, [*judged, *secrets], factory.where)
    verdict = judge(located, approved_waivers(factory), now, made_from(judged))
    rendered_kinds = set(map(_kind_name, bundle.objects))
    return AuditResult(
        cluster=cluster,
        verdict=verdict,
        readers=tuple(_secret_readers(live, namespaces)),
        judged=len(judged),
        unserved=_unserved(observed, rendered_kinds),
        observed_at=observed.observed_at,
        unread=unread,
    )


def _secret_readers(live: Sequence[Object], namespaces: set[str]) -> Iterator[RoleGrant]:
    """Yield the subjects that can read secrets in some namespaces.

    The control plane's own identities count only where a binding itself grants the right: they reach every
    secret through other rights, by design.
    """
    for grant in effective_grants(Rights(live), SECRETS):
        is_reported = not grant.path or not is_control_plane(grant.subject, grant.binding)
        if is_reported and grant.namespace in {"", *namespaces}:
            yield grant


def _kinds() -> Iterator[dict[str, str]]:
    """Yield every kind that a rule judges and that the API server stores."""
    for kind in KINDS.values():
        if kind.name in _NOT_LISTED:
            continue
        version = kind.version
        if kind.api_group:
            version = f"{kind.api_group}/{kind.version}"
        yield {"apiVersion": version, "kind": kind.name}


def _other_kinds(api: Api) -> Iterator[dict[str, str]]:
    """Yield the served kinds that no rule names and in which a location can be written, each in one version.

    Whatever controller serves them: data that is stored where it may not be is a finding.
    """
    versions: dict[tuple[str, str], str] = {}
    for resource in api.kinds():
        group = resource.api_version.rpartition("/")[0]
        key = (group, resource.kind)
        is_unruled = "list" in resource.verbs and find_kind(resource.api_version, resource.kind) is OTHER
        if not is_unruled or key in _HARMLESS or (resource.api_version, resource.kind) in BY_LABEL:
            continue
        # One version is enough, since each returns the same objects; the smallest makes the choice
        # repeatable.
        known = versions.get(key, resource.api_version)
        versions[key] = min(known, resource.api_version)
    for (_, kind), version in sorted(versions.items()):
        yield {"apiVersion": version, "kind": kind}


def _list_by_namespace(api: Api, namespaces: Iterable[str], seen: Iterable[Object]) -> list[Object]:
    """Return the unseen objects in some namespaces, of the kinds that `observe` lists by label."""
    known = set(map(_object_key, seen))
    calls = []
    for api_version, kind in sorted(BY_LABEL):
        list_kind = partial(api.list, api_version, kind)
        calls += [partial(list_kind, namespace) for namespace in sorted(namespaces)]
    unseen: list[Object] = []
    for objects in api.many(calls):
        for obj in objects:
            key = _object_key(obj)
            if key not in known:
                unseen.append(obj)
    return unseen


def _sends_out(obj: Object) -> bool:
    """Return whether an object sends out what is stored, whatever its namespace."""
    return sends_out(str(obj["apiVersion"]).rpartition("/")[0], str(obj["kind"]))


def _is_judged(obj: Object) -> bool:
    """Return whether rules judge an object: a rule names its kind, or a location can be written in it."""
    api_version, kind = str(obj["apiVersion"]), str(obj["kind"])
    if find_kind(api_version, kind) is not OTHER:
        return True
    group = api_version.rpartition("/")[0]
    return (group, obj["kind"]) not in _HARMLESS


def _metadata_of_secrets(api: Api, namespaces: Iterable[str]) -> tuple[list[Object], tuple[str, ...]]:
    """Return the Secrets in some namespaces without their content, and the namespaces that refuse the list.

    To list metadata takes the right to list Secrets, which an auditor need not have.
    """
    found: list[Object] = []
    unread = []
    for namespace in sorted(namespaces):
        try:
            found += api.list("v1", "Secret", namespace, metadata_only=True)
        except ApiError as error:
            if error.status != _FORBIDDEN:
                raise
            unread.append(namespace)
    return found, tuple(unread)


def _judge_metadata(secrets: Iterable[Object], context: Context) -> Iterator[RuleFinding]:
    """Yield findings on the annotations and labels of Secrets; other rules on them read what is left out."""
    bare = [{"apiVersion": "v1", "kind": "Secret", "metadata": secret["metadata"]} for secret in secrets]
    for finding in evaluate(bare, context, "live"):
        if finding.rule == ANNOTATED.id:
            yield finding


def _judge_system(api: Api, context: Context) -> Iterator[RuleFinding]:
    """Yield findings on what the cluster's DNS and network plugin are configured by.

    Neither lies in a namespace of the stack.
    """
    for finding in evaluate(api.list("v1", "ConfigMap", DNS_NAMESPACE), context, "live"):
        if finding.rule in {RESOLVED.id, SETTINGS.id} and finding.resource:
            yield finding


def _judge_together(live: Sequence[Object], rendered: Sequence[Object]) -> Iterator[RuleFinding]:
    """Evaluate the rules that need all live objects at once; a rule that crashes is itself a violation."""
    for rule in REGISTRY:
        if rule.decide_live is None:
            continue
        try:
            # A rule may be a generator: the list makes it run, and fail, inside the try block.
            yield from list(rule.decide_live(rule, live, rendered))
        except Exception as error:  # noqa: BLE001 - a crash is a violation that names the rule
            message = f"cannot be decided: {type(error).__name__}: {error}"
            yield RuleFinding(rule.id, rule.severity, "", "", message, rule.remediation)


def _kind_name(obj: Object) -> str:
    """Return an object's kind with its version."""
    return f"{obj['apiVersion']} {obj['kind']}"


def _object_key(obj: Object) -> tuple[str, str | None, str]:
    """Return what identifies an object: kind, namespace and name."""
    metadata = obj["metadata"]
    return _kind_name(obj), metadata.get("namespace"), metadata["name"]


def _unserved(observed: Observed, rendered: set[str]) -> tuple[str, ...]:
    """Return the kinds that the server does not serve, rendered ones first: there, something is missing."""
    names = {f"{version} {kind}" for version, kind in observed.unserved}
    return (*sorted(names & rendered), *sorted(names - rendered))

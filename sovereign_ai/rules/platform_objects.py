"""The manifests of the platform's controllers, as their publishers write them, judged before installation.

The rules on images and on endpoints in a container's environment and arguments are those of workloads. A
controller is also told where to go in ConfigMaps and in objects of its own kinds, in words that no table
knows, so every text in them is searched for hosts, and their fields for registries. What a contact of the
description permits, and what a gateway lists, is permitted there too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sovereign_ai.plan import Plan, plan_manifests
from sovereign_ai.rules.approval import approved_waivers
from sovereign_ai.rules.context import Context, factory_context
from sovereign_ai.rules.description.platform import PLATFORM_CONTACTS, explain_contact
from sovereign_ai.rules.engine import ObjectPlace, evaluate, resource_name
from sovereign_ai.rules.judgement import RuleFinding, RuleVerdict, judge
from sovereign_ai.rules.kinds import KINDS, OTHER, find_kind
from sovereign_ai.rules.objects.images import DIGESTS, IMAGES
from sovereign_ai.rules.objects.services import ENDPOINTS, EXPOSED, EXTERNAL_IPS, EXTERNAL_NAMES
from sovereign_ai.rules.places.permitted_places import BARE, URL
from sovereign_ai.rules.residency_by_default import ADDED, FLOWS
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory, manifest_title

_OF_WORKLOADS = frozenset(
    rule.id for rule in (IMAGES, DIGESTS, FLOWS, EXTERNAL_IPS, EXPOSED, EXTERNAL_NAMES, ENDPOINTS)
)
"""The rules on objects of workloads that hold for controllers too. Their rights are their own business.

Of services: a webhook is told by the name of one where it is, and that must not lead out of the cluster.
"""
_SKIPPED = frozenset({"CustomResourceDefinition"})
"""Kinds without settings: the descriptions of their fields name hosts as examples."""
_REGISTRY_FIELDS = frozenset({"repository", "registry", "image"})
_INSTALLS = re.compile(
    r"\b(?:apt-get|apt|apk|dnf|microdnf|yum|zypper)\s+(?:-\S+\s+)*(?:install|add|update|upgrade)\b"
    r"|\bpip[0-9.]*\s+(?:-\S+\s+)*install\b|\b(?:npm|gem|conda)\s+(?:-\S+\s+)*install\b"
)
"""Commands that fetch packages."""
_FROM_FILES = re.compile(r"--no-index\b|--no-network\b|--offline\b")
"""Options by which such a command fetches nothing."""
_Text = tuple[str, str]
"""Path of a text in its object, and the text."""


def judge_manifests(
    factory: AIFactory, plan: Plan, objects: Iterable[Mapping[str, Any]], *, now: date
) -> RuleVerdict:
    """Judge the manifests of controllers.

    Args:
        factory: the description.
        plan: what follows from it.
        objects: the manifests, each with its kind, version and name.
        now: the day on which waivers are judged.
    """
    listed = list(objects)
    context = _platform_context(factory, plan, listed)
    findings = _find_in_manifests(listed, listed, context, "bundle")
    return judge(findings, approved_waivers(factory), now)


def evaluate_deployed(
    factory: AIFactory,
    plan: Plan,
    objects: Iterable[Mapping[str, Any]],
    context: Context,
    place: ObjectPlace = "bundle",
) -> list[RuleFinding]:
    """Return the findings of every object rule on the objects of a deployment, sorted.

    What lies in no zone's namespace is refused, unless it is an object of a controller as the description has
    it: that is judged as a manifest. Objects outside namespaces are judged as any other too.

    Args:
        factory: the description.
        plan: what follows from it.
        objects: Kubernetes objects.
        context: the constants of the cluster that they are for.
        place: where the objects are.
    """
    described = {manifest.title: manifest.obj for manifest in plan_manifests(factory)}
    own: list[Mapping[str, Any]] = []
    manifests: list[Mapping[str, Any]] = []
    for obj in objects:
        is_manifest = bool(described) and _is_described(obj, described)
        if is_manifest:
            manifests.append(obj)
        if not is_manifest or not obj["metadata"].get("namespace"):
            own.append(obj)
    findings = set(evaluate(own, context, place))
    if manifests:
        wider = _platform_context(factory, plan, manifests)
        inside = [obj for obj in manifests if obj["metadata"].get("namespace")]
        findings.update(_find_in_manifests(manifests, inside, wider, place))
    return sorted(findings, key=lambda finding: finding.order)


def _is_described(obj: Mapping[str, Any], described: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether an object is one of the description's manifests; a label alone proves nothing."""
    metadata = obj.get("metadata") if isinstance(obj, Mapping) else None
    if not isinstance(metadata, Mapping):
        return False
    wanted = described.get(manifest_title(obj))
    if wanted is None:
        return False
    return _body(obj) == _body(wanted)


def _body(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an object is, without its metadata."""
    return {name: value for name, value in obj.items() if name != "metadata" and value is not None}


def _find_in_manifests(
    listed: Iterable[Mapping[str, Any]],
    evaluated: Iterable[Mapping[str, Any]],
    context: Context,
    place: ObjectPlace,
) -> set[RuleFinding]:
    """Return the findings on manifests.

    Args:
        listed: the manifests.
        evaluated: those whose containers and settings are judged by the rules of workloads.
        context: the context of the platform.
        place: where the objects are.
    """
    findings: set[RuleFinding] = set()
    for finding in evaluate(evaluated, context, place):
        # Entries of a ConfigMap that are named like variables are read as such, also by controllers.
        is_setting = finding.rule == ADDED.id and finding.resource.startswith("ConfigMap/")
        if is_setting or finding.rule in _OF_WORKLOADS:
            findings.add(finding)
    for obj in listed:
        if obj.get("kind") not in _SKIPPED:
            findings.update(_find_in_object(obj, context))
    return findings


def _platform_context(factory: AIFactory, plan: Plan, objects: Sequence[Mapping[str, Any]]) -> Context:
    """Return the context of the factory, in which the manifests' namespaces are the platform's.

    The platform has no zone, as the system namespace has none. Its ways out are those of all gateways, and
    the contacts of controllers that the rule on them permits.
    """
    context = factory_context(factory, plan)
    namespaces = dict(context.namespaces)
    for obj in objects:
        namespaces.setdefault(str((obj.get("metadata") or {}).get("namespace") or ""), "")
    outside: set[tuple[str, str]] = set(context.outside)
    for gateway in factory.gateways:
        for place in (*gateway.addresses, *gateway.hosts):
            outside.add(("", place))
    for controller in plan.platform:
        for contact in controller.contacts:
            if contact.used and contact.described and not list(explain_contact(factory, contact)):
                outside.add(("", contact.place))
    return replace(context, namespaces=tuple(sorted(namespaces.items())), outside=tuple(sorted(outside)))


def _find_in_object(obj: Mapping[str, Any], context: Context) -> Iterator[RuleFinding]:
    """Yield what is wrong with the texts of one manifest."""
    resource = resource_name(str(obj.get("kind")), obj.get("metadata") or {})
    kind = find_kind(str(obj.get("apiVersion")), str(obj.get("kind")))
    texts = list(_texts({name: value for name, value in obj.items() if name != "metadata"}))
    for path, text in texts:
        command = _installs(text)
        if command:
            message = f"it installs packages when it runs: {command}"
            yield _violation(PLATFORM_CONTACTS, resource, path, message)
    # Containers of the kinds that the rules know are judged by those rules.
    if obj.get("kind") == "ConfigMap" or (kind is OTHER and obj.get("kind") not in KINDS):
        for path, text in texts:
            yield from _find_places(resource, path, text, context)


def _find_places(resource: str, path: str, text: str, context: Context) -> Iterator[RuleFinding]:
    """Yield the hosts and registries in a text that are no permitted places."""
    for host in sorted(set(_hosts(text))):
        if not _is_permitted(host, context):
            yield _violation(ADDED, resource, path, f"it names {host}, which is no permitted place")
    field = path.rpartition(".")[2]
    if field in _REGISTRY_FIELDS and _is_foreign_registry(text, context):
        yield _violation(IMAGES, resource, path, f"{text} is in no declared registry")


def _texts(value: Any, path: str = "") -> Iterator[_Text]:
    """Yield every text in a manifest with its path; the words of a command are one text."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            yield path, " ".join(value)
            return
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")


def _installs(text: str) -> str:
    """Return the first command of a text that fetches packages; empty if there is none."""
    for line in _lines(text):
        match = _INSTALLS.search(line)
        if match and not _FROM_FILES.search(line):
            return match[0]
    return ""


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text that are no comments."""
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            yield line


def _hosts(text: str) -> Iterator[str]:
    """Yield the hosts, with their ports, that a text names."""
    for line in _lines(text):
        for url in re.findall(URL, line):
            # A user and password before `@` are not part of the host; `file:///…` has none.
            authority = url.partition("://")[2].rpartition("@")[2]
            if authority:
                yield authority
        yield from re.findall(BARE, line)


def _is_permitted(host: str, context: Context) -> bool:
    """Return whether a host is inside the cluster, of a declared registry, or a permitted way out."""
    name = host.partition(":")[0]
    return re.search(context.local, host) is not None or ("", name) in context.outside


def _is_foreign_registry(text: str, context: Context) -> bool:
    """Return whether a text names a registry that is not declared; a part of a path names none."""
    first = text.partition("/")[0]
    if "." not in first and ":" not in first and first != "localhost":
        return False
    return not f"{text.rstrip('/')}/".startswith(context.registries)


def _violation(rule: Rule, resource: str, field: str, message: str) -> RuleFinding:
    """Return one violation."""
    return RuleFinding(rule.id, rule.severity, resource, field, message, rule.remediation)

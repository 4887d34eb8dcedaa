"""Objects that a description permits or forbids, judged by its own rules: what a change may never let in, and
what it must.

The candidates combine what the old and the new description name: namespaces, zones, tenants, registries,
storage classes, ways out. So among them are those that neither permits although each of their parts is
permitted by one of the two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.rules.context import ENCRYPTION_KEY, Context, factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify.refused_objects import refused_objects
from tests.daytwo.edits import Data
from tests.daytwo.table import read_data

Object = dict[str, Any]
PermittedBy = Literal["neither", "old", "new", "both"]

_NAME = "daytwo-probe"
_IMAGE = "probe@sha256:" + 64 * "a"
_UNLISTED = "unlisted.invalid/ai"
_RBAC, _NETWORKING = "rbac.authorization.k8s.io", "networking.k8s.io"
_ADMISSION = frozenset(rule.id for rule in REGISTRY if "admission" in rule.places)
_MOST_OF_A_KIND = 14
"""Probes of one kind and one answer; each must be asked several times in the second or two in which policies
change."""


@dataclass(frozen=True)
class Described:
    """A description with what follows from it for the lab's one cluster."""

    factory: AIFactory
    plan: Plan
    bundle: Bundle
    context: Context

    @classmethod
    def of(cls, data: Data) -> Described:
        """Read, plan and render a description."""
        factory = read_data(data)
        derived = plan(factory, factory.where)
        cluster = derived.clusters[0].name
        return cls(
            factory, derived, render(factory, derived, cluster), factory_context(factory, derived, cluster)
        )

    def permits(self, obj: Object) -> bool:
        """Return whether the description's admission rules let an object in."""
        findings = evaluate([obj], self.context)
        return not any(finding.status == "violation" and finding.rule in _ADMISSION for finding in findings)


@dataclass(frozen=True)
class Probe:
    """An object that is sent to an API server without being stored.

    Attributes:
        obj: the object.
        permitted_by: which of the two descriptions lets it in.
    """

    obj: Object
    permitted_by: PermittedBy

    @property
    def name(self) -> str:
        """What it is, in a line."""
        return f"{self.obj['kind']} {self.obj['metadata'].get('namespace', '')} {_words(self.obj)}"


def probes(old: Described, new: Described) -> tuple[Probe, ...]:
    """Return objects of every kind that neither description permits, or only one of the two."""
    chosen: defaultdict[tuple[str, str], list[Probe]] = defaultdict(list)
    for obj in _candidates(old, new):
        probe = Probe(obj, _permitted_by(obj, old, new))
        group = chosen[str(obj["kind"]), probe.permitted_by]
        if probe.permitted_by != "both" and len(group) < _MOST_OF_A_KIND:
            group.append(probe)
    return tuple(probe for group in chosen.values() for probe in group)


def _permitted_by(obj: Object, old: Described, new: Described) -> PermittedBy:
    match old.permits(obj), new.permits(obj):
        case True, True:
            return "both"
        case True, False:
            return "old"
        case False, True:
            return "new"
        case _:
            return "neither"


@dataclass(frozen=True)
class _Named:
    """What the two descriptions name together; what they do not have in common comes first."""

    namespaces: tuple[str, ...]
    zones: tuple[str, ...]
    tenants: tuple[str, ...]
    laws: tuple[str, ...]
    registries: tuple[str, ...]
    classes: tuple[str, ...]
    keys: tuple[str, ...]
    regions: tuple[str, ...]
    openings: tuple[str, ...]
    factory: str


def _named(old: Described, new: Described) -> _Named:
    def both(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
        first, second = set(one) - {""}, set(other) - {""}
        return (*sorted(first ^ second), *sorted(first & second))

    def laws(context: Context) -> set[str]:
        return {law for _, countries in context.jurisdictions for law in countries}

    a, b = old.context, new.context
    return _Named(
        namespaces=both(
            (name for name, zone in a.namespaces if zone), (name for name, zone in b.namespaces if zone)
        ),
        zones=both((zone.name for zone in old.factory.zones), (zone.name for zone in new.factory.zones)),
        tenants=both((one.name for one in old.factory.tenants), (one.name for one in new.factory.tenants)),
        laws=(*both(laws(a), laws(b)), "US"),
        registries=(*both(old.factory.images.registries, new.factory.images.registries), _UNLISTED),
        classes=both(dict(a.classes), dict(b.classes)),
        keys=both((one.name for one in old.factory.keys), (one.name for one in new.factory.keys)),
        regions=both(a.regions, b.regions),
        openings=both(a.openings, b.openings),
        factory=old.factory.name,
    )


def _candidates(old: Described, new: Described) -> Iterator[Object]:
    names = _named(old, new)
    yield from _pods(names)
    yield from _network_policies(names)
    yield from _bindings(names)
    yield from _claims(names)
    yield from _storage_classes(names)
    yield from _namespaces(names)
    for namespace in names.namespaces:
        yield from refused_objects(namespace, names.factory, f"{_UNLISTED}/{_IMAGE}").values()


def _pods(names: _Named) -> Iterator[Object]:
    for namespace, zone, law, registry in product(
        names.namespaces, names.zones, names.laws, names.registries
    ):
        yield _pod(
            namespace, f"{registry.rstrip('/')}/{_IMAGE}", {KEYS.zone: zone, KEYS.jurisdiction: law}, zone
        )
    for namespace, registry in product(names.namespaces, names.registries):
        yield _pod(namespace, f"{registry.rstrip('/')}/{_IMAGE.partition('@')[0]}:latest", {}, "")


def _pod(namespace: str, image: str, selector: Mapping[str, str], zone: str) -> Object:
    small = {"cpu": "10m", "memory": "16Mi"}
    container = {
        "name": "main",
        "image": image,
        "resources": {"requests": small, "limits": small},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    toleration = {"key": KEYS.namespace_zone, "operator": "Equal", "value": zone, "effect": "NoSchedule"}
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [container],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **({"nodeSelector": dict(selector)} if selector else {}),
        **({"tolerations": [toleration]} if zone else {}),
    }
    return _made("v1", "Pod", namespace, spec=spec)


def _network_policies(names: _Named) -> Iterator[Object]:
    """Yield a policy for every opening of either description, in every namespace and both directions."""
    for opening, namespace in product(names.openings, names.namespaces):
        way, protocol, port = opening.split("/")[0], *opening.split("/")[-2:]
        source, _, target = opening[: -len(f"/{protocol}/{port}")].partition(">")
        ports = [{"protocol": protocol, "port": int(port)}, {"protocol": protocol, "port": int(port) + 1}]
        for number in (1, 2):
            outward = {
                "policyTypes": ["Egress"],
                "egress": [{"to": [_peer(target)], "ports": ports[:number]}],
            }
            yield _made(f"{_NETWORKING}/v1", "NetworkPolicy", namespace, spec={"podSelector": {}, **outward})
            if "cidr:" not in way and "namespace:" not in target:
                inward = {
                    "policyTypes": ["Ingress"],
                    "ingress": [{"from": [_peer(source)], "ports": ports[:number]}],
                }
                yield _made(
                    f"{_NETWORKING}/v1", "NetworkPolicy", namespace, spec={"podSelector": {}, **inward}
                )


def _peer(text: str) -> Object:
    kind, _, value = text.partition(":")
    if kind == "cidr":
        return {"ipBlock": {"cidr": value}}
    key = KEYS.namespace_zone if kind == "zone" else "kubernetes.io/metadata.name"
    return {"namespaceSelector": {"matchLabels": {key: value}}}


def _bindings(names: _Named) -> Iterator[Object]:
    for namespace, tenant in product(names.namespaces, names.tenants):
        subject = {"apiGroup": _RBAC, "kind": "Group", "name": f"tenant:{tenant}"}
        role = {"apiGroup": _RBAC, "kind": "Role", "name": "tenant-viewer"}
        yield _made(f"{_RBAC}/v1", "RoleBinding", namespace) | {"roleRef": role, "subjects": [subject]}


def _claims(names: _Named) -> Iterator[Object]:
    for namespace, storage_class in product(names.namespaces, names.classes):
        request = {
            "resources": {"requests": {"storage": "1Gi"}},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
        }
        yield _made("v1", "PersistentVolumeClaim", namespace, spec=request)


def _storage_classes(names: _Named) -> Iterator[Object]:
    for storage_class, zone, key, region in product(names.classes, names.zones, names.keys, names.regions):
        terms = [{"matchLabelExpressions": [{"key": "topology.kubernetes.io/region", "values": [region]}]}]
        obj = _made(
            "storage.k8s.io/v1", "StorageClass", provisioner=f"{KEYS.domain}/nfs", allowedTopologies=terms
        )
        parameters = {f"{KEYS.domain}/tier": storage_class, f"{KEYS.domain}/zone": zone, ENCRYPTION_KEY: key}
        obj |= {
            "parameters": parameters,
            "volumeBindingMode": "WaitForFirstConsumer",
            "reclaimPolicy": "Retain",
        }
        obj["metadata"] = {"name": storage_class, "labels": {KEYS.namespace_zone: zone}}
        yield obj


def _namespaces(names: _Named) -> Iterator[Object]:
    for name, zone, tenant in product(names.namespaces, names.zones, names.tenants):
        labels = {
            KEYS.owner: OWNER,
            KEYS.factory: names.factory,
            KEYS.tenant: tenant,
            KEYS.namespace_zone: zone,
        }
        restricted = {
            f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")
        }
        yield {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels | restricted},
        }


def _made(version: str, kind: str, namespace: str = "", **fields: Any) -> Object:
    metadata = {"name": _NAME, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def _words(obj: Object) -> str:
    """Say what is particular about a probe."""
    match obj["kind"]:
        case "Pod":
            return f"{obj['spec']['containers'][0]['image'][:60]} {obj['spec'].get('nodeSelector', {})}"
        case "RoleBinding":
            return str([subject["name"] for subject in obj.get("subjects", [])])
        case "PersistentVolumeClaim":
            return str(obj["spec"]["storageClassName"])
        case "StorageClass":
            return str(obj.get("parameters"))
        case "Namespace":
            return f"{obj['metadata']['name']} {obj['metadata'].get('labels')}"
        case _:
            return str(obj.get("spec"))[:200]

"""A small set of rendered objects, written by hand, so that these tests do not lean on the renderer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.plan.clusters import Namespace
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify.kinds import ADMISSION, RBAC, RESOURCES
from sovereign_ai.verify.verdict import ClusterVerdict, verify

POLICY = "small-pods"
CLASSES = {
    "gpu.nvidia.com": "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'gpu'",  # noqa: E501 - one literal text
    "mig.nvidia.com": "device.driver == 'gpu.nvidia.com' && device.attributes['gpu.nvidia.com'].type == 'mig'",  # noqa: E501 - one literal text
    "gpu.amd.com": "device.driver == 'gpu.amd.com'",
}
"""The vendors' own DeviceClass expressions (kubernetes-sigs/dra-driver-nvidia-gpu,
ROCm/k8s-gpu-dra-driver)."""


@dataclass(frozen=True)
class SmallBundle:
    """What the comparison needs of a bundle."""

    objects: tuple[dict[str, Any], ...]


def small_bundle(factory: AIFactory, plan: Plan) -> SmallBundle:
    """Namespaces with what governs them, one admission policy, and the vendors' DeviceClasses."""
    objects = [obj for space in plan.clusters[0].namespaces for obj in _namespace(factory, space)]
    return SmallBundle(
        (*objects, *_admission(factory, plan), *(_device_class(factory, name) for name in CLASSES))
    )


def check(
    api: Any, factory: AIFactory, plan: Plan, *, probes: bool = False, more: tuple[dict[str, Any], ...] = ()
) -> ClusterVerdict:
    """Verify a cluster against the small bundle, and more objects that are wanted."""
    bundle: Any = SmallBundle((*small_bundle(factory, plan).objects, *more))
    return verify(api, factory, plan, bundle, cluster=plan.clusters[0].name, probes=probes)


def _head(
    factory: AIFactory, version: str, kind: str, name: str, namespace: str = "", **labels: str
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": name,
        "labels": {
            KEYS.owner: OWNER,
            KEYS.factory: factory.name,
            **{key.replace("__", "/"): value for key, value in labels.items()},
        },
    }
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": metadata | ({"namespace": namespace} if namespace else {}),
    }


def _namespace(factory: AIFactory, space: Namespace) -> list[dict[str, Any]]:
    name = space.name
    namespace = _head(factory, "v1", "Namespace", name)
    namespace["metadata"]["labels"] |= {
        KEYS.tenant: space.tenant,
        KEYS.namespace_zone: space.zone,
        "pod-security.kubernetes.io/enforce": "restricted",
    }
    peer = {"namespaceSelector": {"matchLabels": {KEYS.namespace_zone: space.zone}}}
    return [
        namespace,
        _head(factory, "networking.k8s.io/v1", "NetworkPolicy", "default-deny", name)
        | {"spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}},
        _head(factory, "networking.k8s.io/v1", "NetworkPolicy", "own-zone", name)
        | {
            "spec": {
                "podSelector": {},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [peer], "ports": [{"port": 8443}]}],
            }
        },
        _head(factory, RBAC, "Role", "tenant", name)
        | {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]},
        _head(factory, RBAC, "RoleBinding", "tenant", name)
        | {
            "roleRef": {"apiGroup": RBAC.split("/")[0], "kind": "Role", "name": "tenant"},
            "subjects": [{"kind": "Group", "name": f"tenant:{space.tenant}"}],
        },
        _head(factory, "v1", "ResourceQuota", "tenant", name)
        | {"spec": {"hard": {"requests.cpu": "64000m", "requests.memory": "64Gi"}}},
        _head(factory, "v1", "LimitRange", "tenant", name)
        | {
            "spec": {
                "limits": [
                    {
                        "type": "Container",
                        "max": {"cpu": "32", "memory": "32Gi"},
                        "defaultRequest": {"cpu": "1"},
                    }
                ]
            }
        },
        _head(factory, "v1", "ConfigMap", "digests", name) | {"data": {"spec": factory.digest}},
    ]


def _admission(factory: AIFactory, plan: Plan) -> list[dict[str, Any]]:
    laws = sorted({node.jurisdiction for node in plan.nodes})
    zone = f"namespaceObject.metadata.labels['{KEYS.namespace_zone}']"
    selector = "has(object.spec.nodeSelector)"
    registries = " || ".join(f"c.image.startsWith('{registry}/')" for registry in factory.images.registries)
    validations = [
        f"{selector} && '{KEYS.zone}' in object.spec.nodeSelector && object.spec.nodeSelector['{KEYS.zone}'] == {zone}",  # noqa: E501 - one literal text
        f"!{selector} || !('{KEYS.jurisdiction}' in object.spec.nodeSelector) || object.spec.nodeSelector['{KEYS.jurisdiction}'] in {laws}",  # noqa: E501 - one literal text
        "!has(object.spec.nodeName) || object.spec.nodeName == ''",
        f"object.spec.containers.all(c, {registries})",
    ]
    policy = _head(factory, ADMISSION, "ValidatingAdmissionPolicy", POLICY) | {
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                    }
                ]
            },
            "validations": [{"expression": one} for one in validations],
        }
    }
    owned = {"namespaceSelector": {"matchExpressions": [{"key": KEYS.tenant, "operator": "Exists"}]}}
    binding = _head(factory, ADMISSION, "ValidatingAdmissionPolicyBinding", POLICY) | {
        "spec": {"policyName": POLICY, "validationActions": ["Deny"], "matchResources": owned}
    }
    return [policy, binding]


def _device_class(factory: AIFactory, name: str) -> dict[str, Any]:
    return _head(factory, RESOURCES, "DeviceClass", name) | {
        "spec": {"selectors": [{"cel": {"expression": CLASSES[name]}}]}
    }

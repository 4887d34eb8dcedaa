"""The Pulumi resources below a factory: one component a part, one resource an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pulumi

from sovereign_ai.deploy.objects import resource_name, stated

PROVIDER_VERSION = "4.25.0"
"""The pulumi-kubernetes release; the SDK's pin and the toolchain's table say the same, and a test compares them."""


class KubernetesObject(pulumi.CustomResource):
    """One Kubernetes object, taken as it was rendered."""

    def __init__(self, obj: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        """Register the object under its deterministic name."""
        super().__init__(token(obj), resource_name(obj), props=stated(obj), opts=opts)


class Part(pulumi.ComponentResource):
    """A part of the factory: the objects that carry its name as their component label."""

    tokens: ClassVar[Mapping[str, str]] = {
        "factory": "sovereign:index:FactoryBase",
        "pool": "sovereign:index:GpuNodePool",
        "policy": "sovereign:index:AdmissionPolicy",
        "storage": "sovereign:index:StorageTier",
        "tenant": "sovereign:index:Tenant",
        "zone": "sovereign:index:SecurityZone",
    }

    def __init__(self, name: str, objects: Sequence[Mapping[str, Any]], opts: pulumi.ResourceOptions) -> None:
        """Declare the part; `register` makes its objects, so that parts may depend on each other's."""
        kind = name.split(".", 1)[0]
        super().__init__(self.tokens.get(kind, "sovereign:index:Part"), name, {"component": name, "objects": len(objects)}, opts)
        self.objects = objects

    def register(self, made: dict[str, pulumi.Resource]) -> None:
        """Make one resource an object, each after the objects that it needs."""
        for obj in self.objects:
            namespace = made.get(f"Namespace/{obj['metadata'].get('namespace', '')}")
            needs = [made[name] for name in _needs(obj) if name in made]
            opts = pulumi.ResourceOptions(
                parent=self,
                version=PROVIDER_VERSION,
                depends_on=needs,
                deleted_with=namespace,
            )
            made[resource_name(obj)] = KubernetesObject(obj, opts)
        self.register_outputs({"objects": len(self.objects)})


def token(obj: Mapping[str, Any]) -> str:
    """Give pulumi-kubernetes' type token: the core group is called `core`."""
    version = obj["apiVersion"]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{obj['kind']}"


def _needs(obj: Mapping[str, Any]) -> list[str]:
    """Name the objects that must stand before this one."""
    namespace = obj["metadata"].get("namespace")
    needs = [f"Namespace/{namespace}"] if namespace else []
    spec, kind = obj.get("spec", {}), obj["kind"]
    if kind.endswith("AdmissionPolicyBinding"):
        needs.append(f"{kind.removesuffix('Binding')}/{spec['policyName']}")
    if kind in {"RoleBinding", "ClusterRoleBinding"}:
        role = obj["roleRef"]
        needs.append(f"Role/{namespace}/{role['name']}" if role["kind"] == "Role" else f"ClusterRole/{role['name']}")
    if kind == "LocalQueue":
        needs.append(f"ClusterQueue/{spec['clusterQueue']}")
    return needs

"""Storage: volumes lie where their zone's data may be, encrypted under the key that the description names."""

from __future__ import annotations

from sovereign_ai.rules.controls import C3A_KEYS, C3A_LOCATION, ECSF_DATA, ECSF_KEYS
from sovereign_ai.rules.kinds import PODS
from sovereign_ai.rules.rule import OBJECT_PLACES, Check, Rule

_REGION = "topology.kubernetes.io/region"


def _own_class(claim: str) -> str:
    """Write that a claim's specification names a storage class of its own zone."""
    return (
        f"(has({claim}.storageClassName) && {claim}.storageClassName in $classes && $classes[{claim}.storageClassName] == variables.zone)"
    )


_REGIONS = "(object.metadata.name in $class_regions ? $class_regions[object.metadata.name] : $regions)"
_OURS = (
    '(!has(object.spec.storageClassName) || object.spec.storageClassName == "" || object.spec.storageClassName in $classes'
    " || (has(object.spec.claimRef) && has(object.spec.claimRef.namespace) && object.spec.claimRef.namespace in $namespaces))"
)
_VOLUME_REGIONS = (
    "(has(object.spec.storageClassName) && object.spec.storageClassName in $class_regions"
    " ? $class_regions[object.spec.storageClassName] : $regions)"
)

STORAGE = Rule(
    id="STO-001",
    title="Volumes lie in regions that their zone's data may be in, and claims use their own zone's storage classes",
    severity="critical",
    rationale=(
        "Where no topology is given, a provisioner may place a volume anywhere, and a volume made by hand is bound wherever it lies. "
        "A class of another zone shares its disks, its key and its law."
    ),
    remediation="claim a storage class of the own zone by name; give every class allowedTopologies and every volume a node affinity",
    controls=(ECSF_DATA, C3A_LOCATION, ECSF_KEYS, C3A_KEYS),
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("PersistentVolumeClaim",),
            "spec.storageClassName",
            _own_class("object.spec"),
            "it names no storage class of its own zone",
        ),
        Check(
            ("StatefulSet",),
            "spec.volumeClaimTemplates",
            f"!has(object.spec.volumeClaimTemplates) || object.spec.volumeClaimTemplates.all(t, {_own_class('t.spec')})",
            "a claim template names no storage class of its own zone",
        ),
        Check(
            PODS,
            "volumes",
            f"variables.volumes.all(v, !has(v.ephemeral) || {_own_class('v.ephemeral.volumeClaimTemplate.spec')})",
            "an ephemeral volume names no storage class of its own zone",
        ),
        Check(
            ("StorageClass",),
            "allowedTopologies",
            "has(object.allowedTopologies) && size(object.allowedTopologies) > 0"
            " && object.allowedTopologies.all(t, has(t.matchLabelExpressions)"
            f' && t.matchLabelExpressions.exists(e, e.key == "{_REGION}" && size(e.values) > 0'
            f" && e.values.all(v, v in {_REGIONS})))",
            "it does not confine its volumes to regions that its zone's data may be in",
        ),
        Check(
            ("StorageClass",),
            "volumeBindingMode",
            'has(object.volumeBindingMode) && object.volumeBindingMode == "WaitForFirstConsumer"',
            "it binds volumes before it is known where their pod runs",
        ),
        Check(
            ("StorageClass",),
            "parameters",
            "!(object.metadata.name in $class_keys) || (has(object.parameters) && $encryption_key in object.parameters"
            " && object.parameters[$encryption_key] == $class_keys[object.metadata.name])",
            "it does not name the encryption key of its tier",
        ),
        Check(
            ("PersistentVolume",),
            "spec.nodeAffinity",
            f"!{_OURS} || (has(object.spec.nodeAffinity) && has(object.spec.nodeAffinity.required)"
            " && size(object.spec.nodeAffinity.required.nodeSelectorTerms) > 0"
            " && object.spec.nodeAffinity.required.nodeSelectorTerms.all(t, has(t.matchExpressions)"
            f' && t.matchExpressions.exists(e, e.key == "{_REGION}" && e.operator == "In" && size(e.values) > 0'
            f" && e.values.all(v, v in {_VOLUME_REGIONS}))))",
            "nothing confines it to regions that its zone's data may be in",
        ),
        Check(
            ("PersistentVolume",),
            "spec.hostPath",
            "!has(object.spec.hostPath)",
            "it is a folder of a host",
        ),
    ),
)

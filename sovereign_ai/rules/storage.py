"""Storage: claims use their own zone's classes, and each class keeps its volumes in place and under its key."""

from __future__ import annotations

from sovereign_ai.rules.controls import C3A_KEYS, C3A_LOCATION, ECSF_DATA, ECSF_KEYS
from sovereign_ai.rules.duties import NIS2_CRYPTO, SCS_KEYS, SNC_LOCATION
from sovereign_ai.rules.kinds import PODS
from sovereign_ai.rules.rule import OBJECT_PLACES, Check, Rule

REGION = "topology.kubernetes.io/region"
_LOCATION = (ECSF_DATA, C3A_LOCATION, SNC_LOCATION)
_REGIONS = "(object.metadata.name in $class_regions ? $class_regions[object.metadata.name] : $regions)"
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULTS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def _own_class(claim: str) -> str:
    """Write that a claim's specification names a storage class of its own zone."""
    return (
        f"(has({claim}.storageClassName) && {claim}.storageClassName in $classes && $classes[{claim}.storageClassName] == variables.zone)"
    )


def _own_source(claim: str) -> str:
    """Write that a claim takes its content from its own namespace."""
    return (
        f"(!has({claim}.dataSourceRef) || !has({claim}.dataSourceRef.namespace)"
        f' || {claim}.dataSourceRef.namespace == "" || {claim}.dataSourceRef.namespace == object.metadata.namespace)'
    )


_EPHEMERAL = "v.ephemeral.volumeClaimTemplate.spec"

CLAIMS = Rule(
    id="STO-001",
    title="Claims use their own zone's storage classes",
    severity="critical",
    rationale="A class of another zone shares its disks, its key and its law; where no class is named, somebody else chooses one.",
    remediation="claim a storage class of the own zone by name",
    controls=(*_LOCATION, ECSF_KEYS, C3A_KEYS),
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("PersistentVolumeClaim",),
            "spec.storageClassName",
            _own_class("object.spec"),
            "it names no storage class of its own zone",
        ),
        Check(
            ("PersistentVolumeClaim",),
            "metadata.annotations",
            f'!has(object.metadata.annotations) || !("{_OLD_CLASS}" in object.metadata.annotations)',
            "it names its class in an annotation, which goes before spec.storageClassName",
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
            f"variables.volumes.all(v, !has(v.ephemeral) || {_own_class(_EPHEMERAL)})",
            "an ephemeral volume names no storage class of its own zone",
        ),
    ),
)
CONFINED = Rule(
    id="STO-002",
    title="Storage classes confine their volumes to regions that the data may be in",
    severity="critical",
    rationale="Where no topology is given, a provisioner may place a volume anywhere.",
    remediation="give the class allowedTopologies on the region",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("StorageClass",),
            "allowedTopologies",
            "has(object.allowedTopologies) && size(object.allowedTopologies) > 0"
            " && object.allowedTopologies.all(t, has(t.matchLabelExpressions)"
            f' && t.matchLabelExpressions.exists(e, e.key == "{REGION}" && size(e.values) > 0'
            f" && e.values.all(v, v in {_REGIONS})))",
            "it does not confine its volumes to regions that its zone's data may be in",
        ),
    ),
)
IMMEDIATE = Rule(
    id="STO-003",
    title="Volumes are bound when it is known where their pod runs",
    severity="high",
    rationale="A class that binds at once chooses the disk's place before the pod's, and the pod then follows the disk, or waits for ever.",
    remediation="set volumeBindingMode: WaitForFirstConsumer",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("StorageClass",),
            "volumeBindingMode",
            'has(object.volumeBindingMode) && object.volumeBindingMode == "WaitForFirstConsumer"',
            "it binds volumes before it is known where their pod runs",
        ),
    ),
)
ENCRYPTED = Rule(
    id="STO-004",
    title="Storage classes name the key that the description gives their tier",
    severity="critical",
    rationale="Whoever holds the key holds the data: a class without one leaves the disks readable, one with another hands them over.",
    remediation="set the parameter of the encryption key to the tier's key; no class turns encryption off",
    controls=(ECSF_KEYS, C3A_KEYS, NIS2_CRYPTO, SCS_KEYS),
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("StorageClass",),
            "parameters",
            "!(object.metadata.name in $class_keys) || (has(object.parameters) && $encryption_key in object.parameters"
            " && object.parameters[$encryption_key] == $class_keys[object.metadata.name])",
            "it does not name the encryption key of its tier",
        ),
        Check(
            ("StorageClass",),
            "parameters",
            '!has(object.parameters) || object.parameters.all(k, !(k in ["encrypted", "encryption", "csi.storage.k8s.io/encrypted"])'
            ' || !(object.parameters[k] in ["false", "False", "no", "none", "off"]))',
            "it turns encryption off",
        ),
    ),
)
DEFAULT = Rule(
    id="STO-008",
    title="No storage class is the default one",
    severity="high",
    rationale="A class is one zone's. As a default it takes in the claims of every zone that names none.",
    remediation="take the annotation out, and name the class in each claim",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("StorageClass",),
            "metadata.annotations",
            "!has(object.metadata.annotations) || object.metadata.annotations.all(k,"
            f' !(k in ["{_DEFAULTS[0]}", "{_DEFAULTS[1]}"]) || object.metadata.annotations[k] != "true")',
            "claims that name no class, of whatever zone, get this one",
        ),
    ),
)
SOURCES = Rule(
    id="STO-009",
    title="Claims take their content from their own namespace",
    severity="critical",
    rationale="A claim that is filled from another namespace copies that one's data past every network policy.",
    remediation="name a source in the same namespace, or copy through a declared flow",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        Check(("PersistentVolumeClaim",), "spec.dataSourceRef", _own_source("object.spec"), "it is filled from another namespace"),
        Check(
            PODS,
            "volumes",
            f"variables.volumes.all(v, !has(v.ephemeral) || {_own_source(_EPHEMERAL)})",
            "an ephemeral volume is filled from another namespace",
        ),
    ),
)

RULES = (CLAIMS, CONFINED, IMMEDIATE, ENCRYPTED, DEFAULT, SOURCES)

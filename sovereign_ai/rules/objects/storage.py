"""Storage rules: claims use their own zone's classes, whose volumes stay in place and under their key."""

from __future__ import annotations

from sovereign_ai.rules.cel.bindings import in_zone
from sovereign_ai.rules.controls import C3A_KEYS, C3A_LOCATION, ECSF_DATA, ECSF_KEYS
from sovereign_ai.rules.duties import NIS2_CRYPTO, SCS_KEYS, SNC_LOCATION
from sovereign_ai.rules.kinds import PODS
from sovereign_ai.rules.places.storage_parameters import encryption, mount_options, parameters
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

REGION = "topology.kubernetes.io/region"
_LOCATION = (ECSF_DATA, C3A_LOCATION, SNC_LOCATION)
# A class that the description does not know may serve any zone, so all regions count.
_REGIONS = "(object.metadata.name in $class_regions ? $class_regions[object.metadata.name] : $regions)"
# Kubernetes still prefers this annotation to `spec.storageClassName`.
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
# Kubernetes honours both the stable and the beta annotation.
_DEFAULTS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def _own_class(claim: str) -> str:
    """Return CEL: a claim's specification names a storage class of its own zone."""
    return (
        f"(has({claim}.storageClassName) && {claim}.storageClassName in $classes"
        f" && $classes[{claim}.storageClassName] == variables.zone)"
    )


def _own_source(claim: str) -> str:
    """Return CEL: a claim takes its content from its own namespace."""
    return (
        f"(!has({claim}.dataSourceRef) || !has({claim}.dataSourceRef.namespace)"
        f' || {claim}.dataSourceRef.namespace == ""'
        f" || {claim}.dataSourceRef.namespace == object.metadata.namespace)"
    )


_EPHEMERAL = "v.ephemeral.volumeClaimTemplate.spec"

_HAS_NO_OLD_CLASS = f'!has(object.metadata.annotations) || !("{_OLD_CLASS}" in object.metadata.annotations)'
_TEMPLATES_USE_OWN_CLASS = (
    "!has(object.spec.volumeClaimTemplates)"
    f" || object.spec.volumeClaimTemplates.all(t, {_own_class('t.spec')})"
)
_EPHEMERAL_USES_OWN_CLASS = f"variables.volumes.all(v, !has(v.ephemeral) || {_own_class(_EPHEMERAL)})"
CLAIMS = Rule(
    id="STO-001",
    title="Claims use their own zone's storage classes",
    severity="critical",
    rationale=(
        "A class of another zone shares its disks, its key and its law; where no class is named, somebody "
        "else chooses one."
    ),
    remediation="claim a storage class of the own zone by name",
    controls=(*_LOCATION, ECSF_KEYS, C3A_KEYS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("PersistentVolumeClaim",),
            "spec.storageClassName",
            _own_class("object.spec"),
            "it names no storage class of its own zone",
        ),
        RuleCheck(
            ("PersistentVolumeClaim",),
            "metadata.annotations",
            _HAS_NO_OLD_CLASS,
            "it names its class in an annotation, which goes before spec.storageClassName",
        ),
        RuleCheck(
            ("StatefulSet",),
            "spec.volumeClaimTemplates",
            _TEMPLATES_USE_OWN_CLASS,
            "a claim template names no storage class of its own zone",
        ),
        RuleCheck(
            PODS,
            "volumes",
            _EPHEMERAL_USES_OWN_CLASS,
            "an ephemeral volume names no storage class of its own zone",
        ),
    ),
)
_IS_CONFINED = (
    "has(object.allowedTopologies) && size(object.allowedTopologies) > 0"
    " && object.allowedTopologies.all(t, has(t.matchLabelExpressions)"
    f' && t.matchLabelExpressions.exists(e, e.key == "{REGION}" && size(e.values) > 0'
    f" && e.values.all(v, v in {_REGIONS})))"
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
        RuleCheck(
            ("StorageClass",),
            "allowedTopologies",
            _IS_CONFINED,
            "it does not confine its volumes to regions that its zone's data may be in",
        ),
    ),
)
_WAITS_FOR_POD = 'has(object.volumeBindingMode) && object.volumeBindingMode == "WaitForFirstConsumer"'
IMMEDIATE = Rule(
    id="STO-003",
    title="Volumes are bound when it is known where their pod runs",
    severity="high",
    rationale=(
        "A class that binds at once chooses the disk's place before the pod's, and the pod then follows the "
        "disk, or waits for ever."
    ),
    remediation="set volumeBindingMode: WaitForFirstConsumer",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("StorageClass",),
            "volumeBindingMode",
            _WAITS_FOR_POD,
            "it binds volumes before it is known where their pod runs",
        ),
    ),
)
_KEY = '(object.metadata.name in $class_keys ? $class_keys[object.metadata.name] : "")'


def _names_key(values: str) -> str:
    """Return CEL: some values of a class, such as its parameters, name the key of its tier."""
    return (
        f"has({values}) && $encryption_key in {values}"
        f" && {values}[$encryption_key] == $class_keys[object.metadata.name]"
    )


# A driver may refuse a parameter that it does not know, so a class of one has its key in an annotation.
_NAMES_OWN_KEY = (
    "!(object.metadata.name in $class_keys) || (object.metadata.name in $class_drivers"
    f" ? {_names_key('object.metadata.annotations')} : {_names_key('object.parameters')})"
)
_KEEPS_ENCRYPTION = f"!has(object.parameters) || {encryption('object.parameters', _KEY)}"
ENCRYPTED = Rule(
    id="STO-004",
    title="Storage classes name the key that the description gives their tier",
    severity="critical",
    rationale=(
        "Whoever holds the key holds the data: a class without one leaves the disks readable, one with "
        "another hands them over."
    ),
    remediation="set the parameter of the encryption key to the tier's key; no class turns encryption off",
    controls=(ECSF_KEYS, C3A_KEYS, NIS2_CRYPTO, SCS_KEYS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("StorageClass",),
            "parameters",
            _NAMES_OWN_KEY,
            "it does not name the encryption key of its tier",
        ),
        RuleCheck(
            ("StorageClass",),
            "parameters",
            _KEEPS_ENCRYPTION,
            "it turns encryption off, or hands it over to another key",
        ),
    ),
)
_IS_NO_DEFAULT = (
    "!has(object.metadata.annotations) || object.metadata.annotations.all(k,"
    f' !(k in ["{_DEFAULTS[0]}", "{_DEFAULTS[1]}"]) || object.metadata.annotations[k] != "true")'
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
        RuleCheck(
            ("StorageClass",),
            "metadata.annotations",
            _IS_NO_DEFAULT,
            "claims that name no class, of whatever zone, get this one",
        ),
    ),
)
_EPHEMERAL_USES_OWN_SOURCE = f"variables.volumes.all(v, !has(v.ephemeral) || {_own_source(_EPHEMERAL)})"
SOURCES = Rule(
    id="STO-009",
    title="Claims take their content from their own namespace",
    severity="critical",
    rationale=(
        "A claim that is filled from another namespace copies that one's data past every network policy."
    ),
    remediation="name a source in the same namespace, or copy through a declared flow",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("PersistentVolumeClaim",),
            "spec.dataSourceRef",
            _own_source("object.spec"),
            "it is filled from another namespace",
        ),
        RuleCheck(
            PODS,
            "volumes",
            _EPHEMERAL_USES_OWN_SOURCE,
            "an ephemeral volume is filled from another namespace",
        ),
    ),
)

_ZONE = '(object.metadata.name in $classes ? $classes[object.metadata.name] : "")'
_SERVERS = "(object.metadata.name in $class_servers ? $class_servers[object.metadata.name] : [])"
_PARAMETERS_ARE_PERMITTED = (
    f"!has(object.parameters) || {in_zone(parameters('object.parameters', _REGIONS, _SERVERS), _ZONE)}"
)
_HAS_OWN_DRIVER = (
    "!(object.metadata.name in $class_keys) || (object.metadata.name in $class_drivers"
    " ? object.provisioner == $class_drivers[object.metadata.name]"
    ' : object.provisioner.startsWith($domain + "/"))'
)
_OPTIONS = "object.mountOptions"
_OPTIONS_ARE_LOCAL = f"!has({_OPTIONS}) || {mount_options(_OPTIONS)}"
PARAMETERS = Rule(
    id="STO-012",
    title="Storage classes have their tier's driver, and parameters that name permitted places",
    severity="critical",
    rationale=(
        "Parameters tell a driver where to keep a volume, its replicas and its snapshots, and on which "
        "server. Topologies do not cover them. Another driver keeps the volume wherever it likes."
    ),
    remediation=(
        "take the parameter out, or name a region of the zone, or a host of the cluster or of a gateway; "
        "describe the tier's driver as its `csi.driver`"
    ),
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("StorageClass",),
            "parameters",
            _PARAMETERS_ARE_PERMITTED,
            "a parameter names a place that is not permitted",
        ),
        RuleCheck(
            ("StorageClass",),
            "provisioner",
            _HAS_OWN_DRIVER,
            "its volumes are made by another driver than the description gives its tier",
        ),
        RuleCheck(
            ("StorageClass",),
            "mountOptions",
            _OPTIONS_ARE_LOCAL,
            "a mount option names another server, or a place behind it",
        ),
    ),
)

RULES = (CLAIMS, CONFINED, IMMEDIATE, ENCRYPTED, DEFAULT, SOURCES, PARAMETERS)

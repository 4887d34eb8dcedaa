"""Rules on volumes that no storage class made, on inline volumes and on snapshots: where their data lies."""

from __future__ import annotations

from sovereign_ai.rules.cel.bindings import in_zone
from sovereign_ai.rules.controls import C3A_LOCATION, CIS_HOST_PATH, ECSF_DATA, NSA_PODS
from sovereign_ai.rules.duties import SNC_LOCATION
from sovereign_ai.rules.kinds import PODS
from sovereign_ai.rules.objects.storage import REGION
from sovereign_ai.rules.places.permitted_places import host
from sovereign_ai.rules.places.storage_parameters import encryption, mount_options, parameters
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

_LOCATION = (ECSF_DATA, C3A_LOCATION, SNC_LOCATION)
_CLAIMED_HERE = (
    "has(object.spec.claimRef) && has(object.spec.claimRef.namespace)"
    " && object.spec.claimRef.namespace in $namespaces"
)
# A volume without a class may be bound by a claim of any namespace.
_OURS = (
    '(!has(object.spec.storageClassName) || object.spec.storageClassName == ""'
    " || object.spec.storageClassName in $classes"
    f" || ({_CLAIMED_HERE}))"
)
_VOLUME_REGIONS = (
    "(has(object.spec.storageClassName) && object.spec.storageClassName in $class_regions"
    " ? $class_regions[object.spec.storageClassName] : $regions)"
)
_BINDERS = '["system:kube-controller-manager", "system:serviceaccount:kube-system:persistent-volume-binder"]'
_COPIES = in_zone(f"{parameters('object.parameters')} && {encryption('object.parameters')}", '""')

_MADE_BY = "pv.kubernetes.io/provisioned-by"
_PROVISIONED = (
    f'has(object.metadata.annotations) && "{_MADE_BY}" in object.metadata.annotations'
    f' && object.metadata.annotations["{_MADE_BY}"] == object.spec.csi.driver'
)
# A driver of shared file systems knows no topology: where its volumes are is what the tier's driver says.
_OF_TIERS_DRIVER = (
    "(has(object.spec.csi) && has(object.spec.storageClassName)"
    " && object.spec.storageClassName in $class_drivers"
    f" && object.spec.csi.driver == $class_drivers[object.spec.storageClassName] && {_PROVISIONED})"
)

_VOLUME_IS_CONFINED = (
    f"!{_OURS} || {_OF_TIERS_DRIVER}"
    " || (has(object.spec.nodeAffinity) && has(object.spec.nodeAffinity.required)"
    " && size(object.spec.nodeAffinity.required.nodeSelectorTerms) > 0"
    " && object.spec.nodeAffinity.required.nodeSelectorTerms.all(t, has(t.matchExpressions)"
    f' && t.matchExpressions.exists(e, e.key == "{REGION}" && e.operator == "In"'
    " && size(e.values) > 0"
    f" && e.values.all(v, v in {_VOLUME_REGIONS}))))"
)
CONFINED = Rule(
    id="STO-005",
    title="Volumes lie in regions that their zone's data may be in",
    severity="critical",
    rationale=(
        "Topologies of a class hold for volumes that it makes. A volume made manually is bound wherever it "
        "lies."
    ),
    remediation="give the volume a required node affinity on the region",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("PersistentVolume",),
            "spec.nodeAffinity",
            _VOLUME_IS_CONFINED,
            "nothing confines it to regions that its zone's data may be in",
        ),
    ),
)
HOST_FOLDERS = Rule(
    id="STO-006",
    title="No volume is a folder of a host",
    severity="critical",
    rationale=(
        "A folder of a host is that host's, with all that lies in it, and outside every encryption that a "
        "class gives."
    ),
    remediation="let a storage class make the volume",
    controls=(*_LOCATION, CIS_HOST_PATH, NSA_PODS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("PersistentVolume",), "spec.hostPath", "!has(object.spec.hostPath)", "it is a folder of a host"
        ),
    ),
)
# The volume binder writes the name when it binds the claim. Later updates repeat it.
_CLUSTER_CHOOSES_VOLUME = (
    '!has(object.spec.volumeName) || object.spec.volumeName == ""'
    " || (oldObject != null && has(oldObject.spec.volumeName)"
    " && oldObject.spec.volumeName == object.spec.volumeName)"
    f" || (oldObject != null && has(request.userInfo) && request.userInfo.username in {_BINDERS})"
)
_CLAIM_IS_OF_ZONE = (
    f"!({_CLAIMED_HERE}) || (has(object.spec.storageClassName)"
    " && object.spec.storageClassName in $classes"
    " && $classes[object.spec.storageClassName] == $namespaces[object.spec.claimRef.namespace])"
)
CHOSEN = Rule(
    id="STO-007",
    title="The cluster chooses the volume of a claim, and each volume stays in its zone",
    severity="high",
    rationale=(
        "A claim that names its volume takes one that was made for another, past topology and quota. A "
        "volume of one zone's class that is promised to another zone's claim carries data across."
    ),
    remediation="leave volumeName out, and promise a volume only to claims of its class's zone",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("PersistentVolumeClaim",),
            "spec.volumeName",
            _CLUSTER_CHOOSES_VOLUME,
            "it names its volume itself",
        ),
        RuleCheck(
            ("PersistentVolume",),
            "spec.claimRef",
            _CLAIM_IS_OF_ZONE,
            "it is promised to a claim of a zone that its storage class does not serve",
        ),
    ),
)
_SNAPSHOTS_STAY = f"!has(object.parameters) || object.parameters == null || ({_COPIES})"
SNAPSHOTS = Rule(
    id="STO-010",
    title="Snapshots stay where their volume may be",
    severity="critical",
    rationale=(
        "A snapshot carries no topology: where its class names a place, the copy of the data goes there, "
        "whatever the volume's class says."
    ),
    remediation=(
        "leave the place out, so that the snapshot stays beside its volume, or name a region that the data "
        "may be in"
    ),
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("VolumeSnapshotClass",),
            "parameters",
            _SNAPSHOTS_STAY,
            "it sends snapshots to a place that the data may not be in, or turns their encryption off",
        ),
    ),
)
_IS_NOT_INLINE = "variables.volumes.all(v, !has(v.csi))"
INLINE = Rule(
    id="STO-011",
    title="No pod brings its own storage driver's volume",
    severity="high",
    rationale=(
        "A volume that a pod describes inline has no class: no topology confines it, no key is named, no "
        "quota counts it."
    ),
    remediation="use a claim, or an ephemeral volume with a class of the own zone",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "volumes",
            _IS_NOT_INLINE,
            "a storage driver's volume is described in the pod itself",
        ),
    ),
)

# All fields but the sources of other storage systems: a source of a later release is refused.
_LOCAL = (
    '["accessModes", "capacity", "claimRef", "csi", "hostPath", "local", "mountOptions", "nfs", '
    '"nodeAffinity",'
    ' "persistentVolumeReclaimPolicy", "storageClassName", "volumeAttributesClassName", "volumeMode"]'
)
_ZONE = (
    "(has(object.spec.storageClassName) && object.spec.storageClassName in $classes"
    ' ? $classes[object.spec.storageClassName] : "")'
)
# `dyn` hides the object's type: a typed object has no keys to iterate over.
_SOURCE_IS_LOCAL = f"!{_OURS} || dyn(object).spec.all(f, f in {_LOCAL})"
_SERVER_IS_PERMITTED = (
    f"!{_OURS} || !has(object.spec.nfs) || {in_zone(host('object.spec.nfs.server'), _ZONE)}"
)
_SERVERS = (
    "(has(object.spec.storageClassName) && object.spec.storageClassName in $class_servers"
    " ? $class_servers[object.spec.storageClassName] : [])"
)
_ATTRIBUTES = parameters("object.spec.csi.volumeAttributes", servers=_SERVERS)
_HANDLE_IS_PROVISIONED = (
    f"!{_OURS} || !has(object.spec.csi) || (({_PROVISIONED})"
    " && (!has(object.spec.csi.volumeAttributes)"
    f" || {in_zone(_ATTRIBUTES, _ZONE)}))"
)
_OPTIONS = "object.spec.mountOptions"
_OLD_OPTIONS = "volume.beta.kubernetes.io/mount-options"
_OPTIONS_ARE_LOCAL = (
    f"!{_OURS} || ((!has({_OPTIONS}) || {mount_options(_OPTIONS)})"
    f' && (!has(object.metadata.annotations) || !("{_OLD_OPTIONS}" in object.metadata.annotations)))'
)
SOURCE = Rule(
    id="STO-013",
    title="Volumes lie on their machine, or are made by their class's driver",
    severity="critical",
    rationale=(
        "A volume made manually names its disk by a server or a handle, and an affinity beside it says where "
        "pods run, not where the data is."
    ),
    remediation="let a storage class make the volume",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("PersistentVolume",),
            "spec",
            _SOURCE_IS_LOCAL,
            "its disk is at another service, which no rule can place",
        ),
        RuleCheck(
            ("PersistentVolume",),
            "spec.nfs.server",
            _SERVER_IS_PERMITTED,
            "its server is no permitted place",
        ),
        RuleCheck(
            ("PersistentVolume",),
            "spec.csi",
            _HANDLE_IS_PROVISIONED,
            "its handle was written manually, or an attribute of it names a place that is not permitted",
        ),
        RuleCheck(
            ("PersistentVolume",),
            "spec.mountOptions",
            _OPTIONS_ARE_LOCAL,
            "a mount option names another server, or a place behind it",
        ),
    ),
)

RULES = (CONFINED, HOST_FOLDERS, CHOSEN, SNAPSHOTS, INLINE, SOURCE)

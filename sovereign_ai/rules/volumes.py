"""Volumes made by hand, inline and as snapshots: none lies where its zone's data may not be."""

from __future__ import annotations

from sovereign_ai.rules.controls import C3A_LOCATION, CIS_HOST_PATH, ECSF_DATA, NSA_PODS
from sovereign_ai.rules.duties import SNC_LOCATION
from sovereign_ai.rules.kinds import PODS
from sovereign_ai.rules.rule import OBJECT_PLACES, Check, Rule
from sovereign_ai.rules.storage import REGION

_LOCATION = (ECSF_DATA, C3A_LOCATION, SNC_LOCATION)
_CLAIMED_HERE = "has(object.spec.claimRef) && has(object.spec.claimRef.namespace) && object.spec.claimRef.namespace in $namespaces"
_OURS = (
    '(!has(object.spec.storageClassName) || object.spec.storageClassName == "" || object.spec.storageClassName in $classes'
    f" || ({_CLAIMED_HERE}))"
)
_VOLUME_REGIONS = (
    "(has(object.spec.storageClassName) && object.spec.storageClassName in $class_regions"
    " ? $class_regions[object.spec.storageClassName] : $regions)"
)
_BINDERS = '["system:kube-controller-manager", "system:serviceaccount:kube-system:persistent-volume-binder"]'
_PLACES = '["location", "region", "snapshot-locations", "snapshot-region", "storage-locations", "zone"]'
"""Parameters by which snapshot drivers are told where to keep a snapshot."""

CONFINED = Rule(
    id="STO-005",
    title="Volumes lie in regions that their zone's data may be in",
    severity="critical",
    rationale="Topologies of a class hold for volumes that it makes. A volume made by hand is bound wherever it lies.",
    remediation="give the volume a required node affinity on the region",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("PersistentVolume",),
            "spec.nodeAffinity",
            f"!{_OURS} || (has(object.spec.nodeAffinity) && has(object.spec.nodeAffinity.required)"
            " && size(object.spec.nodeAffinity.required.nodeSelectorTerms) > 0"
            " && object.spec.nodeAffinity.required.nodeSelectorTerms.all(t, has(t.matchExpressions)"
            f' && t.matchExpressions.exists(e, e.key == "{REGION}" && e.operator == "In" && size(e.values) > 0'
            f" && e.values.all(v, v in {_VOLUME_REGIONS}))))",
            "nothing confines it to regions that its zone's data may be in",
        ),
    ),
)
HOST_FOLDERS = Rule(
    id="STO-006",
    title="No volume is a folder of a host",
    severity="critical",
    rationale="A folder of a host is that host's, with all that lies in it, and outside every encryption that a class gives.",
    remediation="let a storage class make the volume",
    controls=(*_LOCATION, CIS_HOST_PATH, NSA_PODS),
    places=OBJECT_PLACES,
    checks=(Check(("PersistentVolume",), "spec.hostPath", "!has(object.spec.hostPath)", "it is a folder of a host"),),
)
CHOSEN = Rule(
    id="STO-007",
    title="The cluster chooses the volume of a claim, and each volume stays in its zone",
    severity="high",
    rationale=(
        "A claim that names its volume takes one that was made for another, past topology and quota. A volume of one zone's class "
        "that is promised to another zone's claim carries data across."
    ),
    remediation="leave volumeName out, and promise a volume only to claims of its class's zone",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("PersistentVolumeClaim",),
            "spec.volumeName",
            '!has(object.spec.volumeName) || object.spec.volumeName == ""'
            " || (oldObject != null && has(oldObject.spec.volumeName) && oldObject.spec.volumeName == object.spec.volumeName)"
            f" || (oldObject != null && has(request.userInfo) && request.userInfo.username in {_BINDERS})",
            "it names its volume itself",
        ),
        Check(
            ("PersistentVolume",),
            "spec.claimRef",
            f"!({_CLAIMED_HERE}) || (has(object.spec.storageClassName) && object.spec.storageClassName in $classes"
            " && $classes[object.spec.storageClassName] == $namespaces[object.spec.claimRef.namespace])",
            "it is promised to a claim of a zone that its storage class does not serve",
        ),
    ),
)
SNAPSHOTS = Rule(
    id="STO-010",
    title="Snapshots stay where their volume may be",
    severity="critical",
    rationale="A snapshot carries no topology: where its class names a place, the copy of the data goes there, whatever the volume's class says.",
    remediation="leave the place out, so that the snapshot stays beside its volume, or name a region that the data may be in",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("VolumeSnapshotClass",),
            "parameters",
            f"!has(object.parameters) || object.parameters == null || object.parameters.all(k, !(k in {_PLACES}) || object.parameters[k] in $regions)",
            "it sends snapshots to a place that the data may not be in",
        ),
    ),
)
INLINE = Rule(
    id="STO-011",
    title="No pod brings its own storage driver's volume",
    severity="high",
    rationale="A volume that a pod describes inline has no class: no topology confines it, no key is named, no quota counts it.",
    remediation="use a claim, or an ephemeral volume with a class of the own zone",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(Check(PODS, "volumes", "variables.volumes.all(v, !has(v.csi))", "a storage driver's volume is described in the pod itself"),),
)

RULES = (CONFINED, HOST_FOLDERS, CHOSEN, SNAPSHOTS, INLINE)

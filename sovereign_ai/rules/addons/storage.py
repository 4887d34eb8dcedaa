"""Kinds of stored data and of devices: snapshots, attached volumes, their drivers, Velero's backups."""

from __future__ import annotations

from sovereign_ai.rules.addons.addon import K8S, Addon, absent, places
from sovereign_ai.rules.places.fields import Field

_SNAPSHOTS = "kubernetes-csi.github.io/docs/snapshot-restore-feature.html"

# Data named by a handle: a handle may be that of any volume or snapshot at the storage system.
_SNAPSHOT_GROUP = "snapshot.storage.k8s.io"
_GROUP_SNAPSHOT_GROUP = "groupsnapshot.storage.k8s.io"
_PARAMETERS = (Field("parameters", "parameters"),)
_SNAPSHOT = Addon(
    _SNAPSHOT_GROUP,
    "VolumeSnapshot",
    "data",
    _SNAPSHOTS,
    absent("spec.source.volumeSnapshotContentName"),
)
# What a controller makes of a snapshot of a claim is called after the snapshot.
_SNAPSHOT_CONTENT = Addon(
    _SNAPSHOT_GROUP,
    "VolumeSnapshotContent",
    "data",
    _SNAPSHOTS,
    (
        *absent("spec.source.snapshotHandle"),
        Field("spec.volumeSnapshotRef", "names-object", ("snapcontent-",)),
    ),
)
_GROUP_SNAPSHOT = Addon(
    _GROUP_SNAPSHOT_GROUP,
    "VolumeGroupSnapshot",
    "data",
    _SNAPSHOTS,
    absent("spec.source.volumeGroupSnapshotContentName"),
)
_GROUP_SNAPSHOT_CONTENT = Addon(
    _GROUP_SNAPSHOT_GROUP,
    "VolumeGroupSnapshotContent",
    "data",
    _SNAPSHOTS,
    (
        *absent("spec.source.groupSnapshotHandles"),
        Field("spec.volumeGroupSnapshotRef", "names-object", ("groupsnapcontent-",)),
    ),
)
_GROUP_SNAPSHOT_CLASS = Addon(
    _GROUP_SNAPSHOT_GROUP, "VolumeGroupSnapshotClass", "data", _SNAPSHOTS, _PARAMETERS
)
_VOLUME_ATTRIBUTES_CLASS = Addon(
    "storage.k8s.io",
    "VolumeAttributesClass",
    "data",
    f"{K8S}/config-and-storage-resources/volume-attributes-class-v1",
    _PARAMETERS,
)

# A volume that nobody claims, such as a share of NFS, stands in the attachment itself.
_VOLUME_ATTACHMENT = Addon(
    "storage.k8s.io",
    "VolumeAttachment",
    "data",
    f"{K8S}/config-and-storage-resources/volume-attachment-v1",
    absent("spec.source.inlineVolumeSpec"),
)
# The kubelet hands the driver a token of each pod, for this audience.
_CSI_DRIVER = Addon(
    "storage.k8s.io",
    "CSIDriver",
    "data",
    f"{K8S}/config-and-storage-resources/csi-driver-v1",
    places("spec.tokenRequests[].audience"),
)
_DEVICE_CLASS = Addon(
    "resource.k8s.io",
    "DeviceClass",
    "data",
    f"{K8S}/workload-resources/device-class-v1",
    (Field("spec.config[].opaque.parameters", "opaque"),),
)

# Without an address of its own an object store is that of the cloud.
_VELERO = "velero.io/docs/main/api-types"
BACKUP_STORAGE_LOCATION = Addon(
    "velero.io",
    "BackupStorageLocation",
    "data",
    f"{_VELERO}/backupstoragelocation",
    (
        Field("spec.provider", "one-of", ("aws", "velero.io/aws")),
        Field("spec", "required-keys", ("config",)),
        Field("spec.config", "required-keys", ("s3Url",)),
        *places("spec.config.s3Url", "spec.config.publicUrl"),
        *absent("spec.config.kmsKeyId"),
    ),
)
STORED_DATA = (
    _SNAPSHOT,
    _SNAPSHOT_CONTENT,
    _GROUP_SNAPSHOT,
    _GROUP_SNAPSHOT_CONTENT,
    _GROUP_SNAPSHOT_CLASS,
    _VOLUME_ATTRIBUTES_CLASS,
    _VOLUME_ATTACHMENT,
    _CSI_DRIVER,
    _DEVICE_CLASS,
)

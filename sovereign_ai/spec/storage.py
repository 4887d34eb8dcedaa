"""Storage tiers: capacity, rates, and the keys that encrypt them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

from sovereign_ai.spec.base import Country, Frozen, Model, Name, Text, added_later
from sovereign_ai.spec.field_location import TextForm
from sovereign_ai.units import Bytes, BytesPerSecond, Seconds


class StorageProtocol(StrEnum):
    """How storage is reached. Other packages ask it what it needs, and do not compare it with a member."""

    PARALLEL = "parallel"
    NFS = "nfs"
    OBJECT = "object"
    BLOCK = "block"

    @property
    def has_storage_class(self) -> bool:
        """Whether Kubernetes makes volumes of it; an object store is reached by buckets instead."""
        return self is not StorageProtocol.OBJECT

    @property
    def is_mounted_by_hosts(self) -> bool:
        """Whether hosts mount it as a file system."""
        return self in {StorageProtocol.PARALLEL, StorageProtocol.NFS}

    @property
    def mount_type(self) -> str:
        """The type of file system that Linux itself mounts; empty where a vendor's client does, or none."""
        return "nfs4" if self is StorageProtocol.NFS else ""

    @property
    def mount_options(self) -> str:
        """The options of that mount; empty where there is none."""
        if self is StorageProtocol.NFS:
            return "vers=4.2,proto=tcp,nconnect=8,hard,noatime,nodev,nosuid,_netdev"
        return ""

    def mount_source(self, address: str, tier: str) -> str:
        """Return what that mount names as its source; empty where there is none.

        Args:
            address: the address of a server.
            tier: the tier's name, under which its servers export it.
        """
        return f"{address}:/{tier}" if self is StorageProtocol.NFS else ""

    @property
    def uri_scheme(self) -> str:
        """The scheme of the URL by which programs reach it; empty where they use a path or a device."""
        return "s3" if self is StorageProtocol.OBJECT else ""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate as a literal: its JSON schema needs no reference, and its errors name the values."""
        # A serializer of the literal would warn of a value that is no plain text.
        return core_schema.no_info_after_validator_function(
            cls,
            core_schema.literal_schema([member.value for member in cls]),
            serialization=core_schema.plain_serializer_function_ser_schema(
                str, return_schema=core_schema.str_schema(), when_used="json"
            ),
        )


class Encryption(Model):
    """Encryption at rest."""

    key: Name
    """The key, declared under `keys`."""


class Snapshots(Model):
    """Copies in place."""

    every: Seconds
    """Interval between two."""
    keep: Annotated[int, Field(ge=1, le=10_000, strict=True)]
    """How many are kept."""


class Backup(Model):
    """Copies elsewhere."""

    site: Name
    """The site that holds them; they are under its country's jurisdiction."""
    every: Seconds
    """Interval between two."""
    retention: Seconds
    """How long each is kept."""


_DRIVER = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
_LONGEST_DRIVER = 63


def _as_driver(text: str) -> str | None:
    """Return the name in lower case, if it is one then."""
    near = text.strip().lower()
    return near if len(near) <= _LONGEST_DRIVER and re.fullmatch(_DRIVER, near) else None


CsiDriverName = Annotated[
    str,
    StringConstraints(pattern=_DRIVER, max_length=_LONGEST_DRIVER),
    TextForm("bad-name", "a CSI driver's name in domain notation, such as rbd.csi.ceph.com", _as_driver),
]
"""The name by which a CSI driver registers itself: at most 63 characters (container-storage-interface/spec,
`GetPluginInfo`), a DNS subdomain (`metadata.name` of CSIDriver in storage.k8s.io/v1)."""

ParameterName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,252}$"),
    TextForm("bad-name", "a parameter's name of letters, digits and ._/-"),
]
"""The name of a storage class's parameter."""


class Csi(Model):
    """The CSI driver that makes a tier's volumes, and what its storage class gives to it."""

    driver: CsiDriverName
    """The driver's name, as `kubectl get csidriver` lists it."""
    parameters: Annotated[dict[ParameterName, Text], AfterValidator(Frozen)] = Field(
        default_factory=Frozen, max_length=100
    )
    """The storage class's `parameters`, in the driver's own words. Places in them are judged like any other
    (STO-012), and what they say of encryption too (STO-004). Nothing is added: some drivers refuse a
    parameter that they do not know."""
    mount_options: tuple[Text, ...] = ()
    """The storage class's `mountOptions`."""


class StorageTier(Model):
    """One kind of storage, in one zone."""

    name: Name
    """Unique in the factory; the Kubernetes storage class carries it."""
    protocol: StorageProtocol
    """How it is reached."""
    csi: Csi | None = added_later()
    """The CSI driver that makes its volumes. Left out, its storage class names a provisioner that only kind
    clusters of this project have; on a cluster of yours no volume is made."""
    zone: Name
    """The security zone whose claims it serves."""
    sites: tuple[Name, ...] = ()
    """Its sites; empty means every site with a pool of its zone."""
    capacity: Bytes
    """Usable capacity, at each site."""
    grade: Literal["good", "better", "best"] | None = None
    """A published grade that sets the rates (RA-11333-001 V11, table 6)."""
    read: BytesPerSecond | None = None
    """Aggregate read rate, where no grade is named."""
    write: BytesPerSecond | None = None
    """Aggregate write rate, where no grade is named."""
    per_node_read: BytesPerSecond | None = None
    """Read rate that one server must reach; left out, the grade's."""
    per_node_write: BytesPerSecond | None = None
    """Write rate that one server must reach; left out, the grade's."""
    media: Literal["nvme", "ssd", "hdd", "tape"] = "nvme"
    """Storage medium."""
    server_drives: Annotated[int, Field(ge=1, le=128, strict=True)] = 24
    """Drives in a storage server."""
    drive: Bytes = Bytes(15_360_000_000_000)
    """Raw capacity of a drive."""
    server_read: BytesPerSecond = BytesPerSecond(40_000_000_000)
    """Read rate that one storage server gives; the user's figure, from its vendor."""
    server_write: BytesPerSecond = BytesPerSecond(20_000_000_000)
    """Write rate that one storage server gives; the user's figure, from its vendor."""
    data_drives: Annotated[int, Field(ge=1, le=64, strict=True)] = 8
    """Data parts of an erasure-coded stripe."""
    parity_drives: Annotated[int, Field(ge=0, le=16, strict=True)] = 2
    """Parity parts of a stripe: the losses it survives."""
    encryption: Encryption
    """Encryption at rest; there is no tier without."""
    snapshots: Snapshots | None = None
    """Copies in place."""
    backup: Backup | None = None
    """Copies elsewhere."""
    retention: Seconds | None = None
    """How long data is kept at most."""


class Key(Model):
    """An encryption key, with its custodian."""

    name: Name
    """Unique in the factory."""
    custodian: Literal["customer", "operator", "provider", "third-party"]
    """The party that holds it; `provider` is a finding for data under a residency policy."""
    module: Literal["pkcs11", "kms", "tpm", "software"]
    """The kind of module that keeps it."""
    jurisdiction: Country
    """Country with jurisdiction over the custodian and the module."""
    revocation: Seconds = Seconds(3600)
    """How soon a revocation takes effect."""

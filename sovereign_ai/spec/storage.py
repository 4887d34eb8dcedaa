"""Storage tiers: capacity, rates, and the keys that encrypt them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sovereign_ai.spec.base import Country, Model, Name
from sovereign_ai.units import Bytes, BytesPerSecond, Seconds


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


class StorageTier(Model):
    """One kind of storage, in one zone."""

    name: Name
    """Unique in the factory; the Kubernetes storage class carries it."""
    protocol: Literal["parallel", "nfs", "object", "block"]
    """How it is reached."""
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

"""Storage servers and drives that a tier needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoragePlan:
    """One tier at one site.

    Attributes:
        tier: the tier's name.
        site: where it stands.
        jurisdiction: ISO country code of the site.
        halls: halls (Kubernetes zones) from which it may be claimed.
        zone: the security zone that may claim it.
        protocol: how it is reached.
        key: name of the encryption key.
        capacity: usable bytes.
        raw: raw bytes of all drives.
        read: aggregate bytes a second to be reached.
        write: aggregate bytes a second to be reached.
        per_node_read: bytes a second one machine must reach.
        per_node_write: bytes a second one machine must reach.
        servers: names of the servers.
        drives: drives in all of them.
        why: field to the formula and its inputs in words.
    """

    tier: str
    site: str
    jurisdiction: str
    halls: tuple[str, ...]
    zone: str
    protocol: str
    key: str
    capacity: int
    raw: int
    read: int
    write: int
    per_node_read: int
    per_node_write: int
    servers: tuple[str, ...]
    drives: int
    why: Mapping[str, str]

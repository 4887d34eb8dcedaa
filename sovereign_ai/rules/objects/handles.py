"""The rule on handles of a running cluster: no volume or snapshot takes what lies in another namespace.

A handle names a disk at the storage system. Admission sees one object at a time, and believes an annotation
or a name that a provisioner writes and somebody else can write too. All objects together show whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sovereign_ai.rules.controls import C3A_LOCATION, ECSF_DATA
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import DecisionPlace, Rule

Object = Mapping[str, Any]
Disk = tuple[str, str]
"""A driver and a handle of it."""
_REFERENCES = {
    "VolumeSnapshotContent": "volumeSnapshotRef",
    "VolumeGroupSnapshotContent": "volumeGroupSnapshotRef",
}
_OTHER_PLACES: tuple[DecisionPlace, ...] = ("plan", "bundle", "pulumi", "admission")
_NEEDS_ALL_VOLUMES = "whose a handle is follows from all volumes together, and only the cluster has them all"


def _handles_of(obj: Object) -> Iterator[Disk]:
    """Yield the disks that a volume, or the content of a snapshot, names."""
    spec = obj.get("spec") or {}
    source = spec.get("csi") if obj["kind"] == "PersistentVolume" else spec.get("source")
    if not isinstance(source, Mapping):
        return
    handles = [source.get("volumeHandle"), *(source.get("volumeHandles") or [])]
    driver = source.get("driver") or spec.get("driver") or ""
    for handle in handles:
        if handle:
            yield str(driver), str(handle)


def _namespace_of(obj: Object) -> str:
    """Return the namespace that a volume, or the content of a snapshot, is for; empty for none."""
    reference = (obj.get("spec") or {}).get(_REFERENCES.get(obj["kind"], "claimRef")) or {}
    return str(reference.get("namespace") or "")


def _find_others_handles(
    rule: Rule, live: Sequence[Object], rendered: Sequence[Object]
) -> Iterable[RuleFinding]:
    """Yield volumes and contents whose disk is another namespace's, where one of both is the factory's."""
    own_namespaces = {obj["metadata"]["name"] for obj in rendered if obj["kind"] == "Namespace"}
    volumes = [obj for obj in live if obj["kind"] == "PersistentVolume"]
    owners: dict[Disk, set[str]] = {}
    for volume in volumes:
        for disk in _handles_of(volume):
            owners.setdefault(disk, set()).add(_namespace_of(volume))
    for obj in (*volumes, *(obj for obj in live if obj["kind"] in _REFERENCES)):
        own = _namespace_of(obj)
        for disk in _handles_of(obj):
            others = {other for other in owners.get(disk, ()) if other and other != own}
            if own and others and own_namespaces & {own, *others}:
                resource = f"{obj['kind']}/{obj['metadata']['name']}"
                message = (
                    f"its disk {disk[1]} of {disk[0]} is that of a volume of {', '.join(sorted(others))}"
                )
                yield RuleFinding(rule.id, rule.severity, resource, "spec", message, rule.remediation)


OWN_DISKS = Rule(
    id="STO-014",
    title="No volume and no snapshot names the disk of another namespace",
    severity="critical",
    rationale=(
        "Who may write volumes or contents of snapshots can put the handle of any disk into one, and claim "
        "it in a namespace of their own."
    ),
    remediation="delete it, find out who wrote it, and take volumes and contents out of their role",
    controls=(ECSF_DATA, C3A_LOCATION),
    places=frozenset({"live"}),
    decide_live=_find_others_handles,
    elsewhere=tuple((place, _NEEDS_ALL_VOLUMES) for place in _OTHER_PLACES),
)

RULES = (OWN_DISKS,)

"""Makes volumes for claims of the plan's storage classes, on real nodes: a folder of the machine, in its zone.

It does what a storage system's own provisioner does with topology. A claim waits until the scheduler has
chosen a machine for its first pod; then a volume is made there and bound to the machine's region, hall, zone and
name, or the claim is told why not and the scheduler chooses again. Nothing is encrypted and no size is enforced:
docs/fidelity.md says so.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.access import Api, ApiError
from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import Plan
from sovereign_ai.units import Bytes

PREFIX = f"{KEYS.domain}/"
"""How the provisioners of our storage classes begin."""
_SELECTED, _PROVISIONER = "volume.kubernetes.io/selected-node", "volume.kubernetes.io/storage-provisioner"
_MADE_BY = "pv.kubernetes.io/provisioned-by"
_REGION, _HALL, _HOST = "topology.kubernetes.io/region", "topology.kubernetes.io/zone", "kubernetes.io/hostname"
_NAME = re.compile(r"pvc-[0-9a-f-]{36}")
_log = logging.getLogger(__name__)

Object = Mapping[str, Any]
Folder = Callable[[str], Path | None]
"""Gives a machine's folder of volumes on the host; None where no container plays it."""


class RefusedError(Exception):
    """A claim cannot have a volume; the text says why, for its owner."""


_LONGEST_EVENT = 240
"""Letters of a claim's name in the name of its event, which with the rest may have 253."""


class Provisioner:
    """Serves the claims of one cluster."""

    def __init__(self, api: Api, plan: Plan, cluster: str, folder: Folder, inside: str) -> None:
        """Prepare; nothing is done yet.

        Args:
            api: the cluster.
            plan: the plan.
            cluster: which of its clusters.
            folder: gives a machine's folder of volumes.
            inside: how the machine itself calls that folder.

        Raises:
            KeyError: the plan has no such cluster.
        """
        site = plan.cluster(cluster).site
        self._api, self._folder, self._inside = api, folder, inside
        self._capacity = {tier.tier: Bytes(tier.capacity) for tier in plan.storage if tier.site == site}

    def keep(self) -> int:
        """Serve every claim that waits for a volume, and clear away released ones that may go; how many volumes were made.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """
        claims = [claim for claim in self._api.list("v1", "PersistentVolumeClaim") if _waits(claim)]
        volumes = [one for one in self._api.list("v1", "PersistentVolume") if _ours(one)]
        for one in volumes:
            self._release(one)
        made = 0
        for claim in claims:
            try:
                volume = self._volume(claim, volumes)
                if volume is not None:
                    volumes.append(self._make(volume))
                    made += 1
            except RefusedError as error:
                self._refuse(claim, str(error))
            except ApiError as error:  # of this claim alone: the others are served all the same
                _log.warning("claim %s/%s not served: %s", claim["metadata"]["namespace"], claim["metadata"]["name"], error)
        return made

    def _volume(self, claim: Object, volumes: Iterable[Object]) -> dict[str, Any] | None:
        """Give the volume that a claim should have; None if that is not ours to say.

        Raises:
            RefusedError: it can have none there.
        """
        kind = self._api.get("storage.k8s.io/v1", "StorageClass", str(claim["spec"].get("storageClassName", "")))
        node = self._api.get("v1", "Node", claim["metadata"]["annotations"][_SELECTED])
        if kind is None or node is None or not str(kind["provisioner"]).startswith(PREFIX):
            return None
        check(claim, kind, node)
        name = str(node["metadata"]["name"])
        if self._folder(name) is None:
            raise RefusedError(f"machine {name} is simulated: no volume can lie there")
        self._check_room(claim, kind, volumes)
        return volume_of(claim, kind, node, f"{self._inside}/{volume_name(claim)}")

    def _check_room(self, claim: Object, kind: Object, volumes: Iterable[Object]) -> None:
        """Insist on room in the tier, by what claims were promised."""
        tier = str(kind["metadata"]["name"])
        if tier not in self._capacity:
            raise RefusedError(f"the plan has no storage tier {tier} at this site")
        promised = sum(_size(one["spec"]["capacity"]["storage"]) for one in volumes if one["spec"].get("storageClassName") == tier)
        asked, left = _asked(claim), self._capacity[tier].count - promised
        if asked > left:
            raise RefusedError(f"tier {tier} has {Bytes(max(left, 0))} left of {self._capacity[tier]}; asked for {Bytes(asked)}")

    def _make(self, volume: dict[str, Any]) -> dict[str, Any]:
        """Make the folder, then the volume: what is promised is there."""
        folder = self._folder(_host(volume))
        if folder is not None:
            own = folder / volume["metadata"]["name"]
            own.mkdir(mode=0o770, exist_ok=True)
            own.chmod(0o770)
        try:
            self._api.create(volume)
        except ApiError as error:
            if error.status != 409:
                raise
        _log.info("made volume %s on %s", volume["metadata"]["name"], _host(volume))
        return volume

    def _refuse(self, claim: Object, why: str) -> None:
        """Tell a claim's owner why it has no volume, and let the scheduler choose another machine."""
        metadata = claim["metadata"]
        _log.info("refused claim %s/%s: %s", metadata["namespace"], metadata["name"], why)
        try:
            self._api.apply(_event(claim, why), field_manager="sovereign-ai-provisioner", force=True)
        except ApiError as error:
            _log.warning("claim %s/%s not told: %s", metadata["namespace"], metadata["name"], error)
        path = f"/api/v1/namespaces/{metadata['namespace']}/persistentvolumeclaims/{metadata['name']}"
        patch = {"metadata": {"resourceVersion": metadata.get("resourceVersion"), "annotations": {_SELECTED: None}}}
        try:
            self._api.request("PATCH", path, patch, content_type="application/merge-patch+json")
        except ApiError as error:
            if error.status not in {404, 409}:
                raise

    def _release(self, volume: Object) -> None:
        """Clear away a released volume whose class lets it go; a retained one is its owner's decision."""
        spec, name = volume["spec"], str(volume["metadata"]["name"])
        released = volume.get("status", {}).get("phase") == "Released" and spec.get("persistentVolumeReclaimPolicy") == "Delete"
        folder = self._folder(_host(volume))
        if released and folder is not None and _NAME.fullmatch(name):
            shutil.rmtree(folder / name, ignore_errors=True)
            self._api.delete("v1", "PersistentVolume", name)
            _log.info("removed volume %s", name)


def check(claim: Object, kind: Object, node: Object) -> None:
    """Insist that a machine may hold a claim's volume.

    Args:
        claim: the claim.
        kind: its storage class.
        node: the machine.

    Raises:
        RefusedError: it may not.
    """
    labels, name = node["metadata"].get("labels") or {}, node["metadata"]["name"]
    zone = (kind.get("parameters") or {}).get(f"{KEYS.domain}/zone")
    if not zone or labels.get(KEYS.zone) != zone:
        raise RefusedError(f"class {kind['metadata']['name']} serves zone {zone}; machine {name} stands in zone {labels.get(KEYS.zone)}")
    allowed = kind.get("allowedTopologies") or []
    if allowed and not any(_fits(one, labels) for one in allowed):
        raise RefusedError(
            f"class {kind['metadata']['name']} does not reach {labels.get(_REGION)}/{labels.get(_HALL)}, where machine {name} stands"
        )
    if claim["spec"].get("volumeMode") == "Block":
        raise RefusedError("volumes are folders here; block devices are not made")


def volume_of(claim: Object, kind: Object, node: Object, path: str) -> dict[str, Any]:
    """Give the volume for a claim on a machine.

    Args:
        claim: the claim.
        kind: its storage class.
        node: the machine.
        path: the volume's folder, as the machine calls it.
    """
    metadata, labels = claim["metadata"], node["metadata"]["labels"]
    places = [{"key": key, "operator": "In", "values": [labels[key]]} for key in (_REGION, _HALL, KEYS.zone, _HOST)]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"} | {key: metadata[key] for key in ("namespace", "name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name(claim), "annotations": {_MADE_BY: kind["provisioner"]}},
        "spec": {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "persistentVolumeReclaimPolicy": kind.get("reclaimPolicy", "Delete"),
            "storageClassName": kind["metadata"]["name"],
            "volumeMode": "Filesystem",
            "claimRef": reference,
            "local": {"path": path},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": places}]}},
        },
    }


def volume_name(claim: Object) -> str:
    """Name a claim's volume, as Kubernetes' own provisioners do."""
    return f"pvc-{claim['metadata']['uid']}"


def _waits(claim: Object) -> bool:
    """Tell whether a claim waits for a volume of ours and has a machine."""
    notes = claim["metadata"].get("annotations") or {}
    mine = str(notes.get(_PROVISIONER, "")).startswith(PREFIX)
    return mine and _SELECTED in notes and not claim["spec"].get("volumeName") and not claim["metadata"].get("deletionTimestamp")


def _ours(volume: Object) -> bool:
    """Tell whether we made a volume."""
    return str((volume["metadata"].get("annotations") or {}).get(_MADE_BY, "")).startswith(PREFIX)


def _fits(topology: Object, labels: Mapping[str, str]) -> bool:
    """Tell whether a machine lies in a topology: each of its expressions holds."""
    return all(labels.get(one["key"]) in one["values"] for one in topology.get("matchLabelExpressions") or [])


def _host(volume: Object) -> str:
    """Give the machine that a volume lies on; empty where somebody made the volume otherwise than we do."""
    terms = volume["spec"].get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms") or [{}]
    places = terms[0].get("matchExpressions") or []
    return next((str(one["values"][0]) for one in places if one["key"] == _HOST and one.get("values")), "")


def _asked(claim: Object) -> int:
    """Give what a claim asks for, in bytes."""
    return _size(claim["spec"]["resources"]["requests"]["storage"])


def _size(text: str) -> int:
    """Read a Kubernetes quantity of bytes.

    Raises:
        RefusedError: it is none that can be read.
    """
    try:
        return Bytes.from_kubernetes(text).count
    except ValueError as error:
        raise RefusedError(str(error)) from None


def _event(claim: Object, why: str) -> dict[str, Any]:
    """Give the event that tells a claim's owner; one a claim, brought up to date."""
    metadata = claim["metadata"]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"} | {key: metadata[key] for key in ("namespace", "name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name'][:_LONGEST_EVENT].rstrip('-.')}.{str(metadata['uid'])[:8]}",
            "namespace": metadata["namespace"],
        },
        "involvedObject": about,
        "type": "Warning",
        "reason": "ProvisioningFailed",
        "message": why,
        "source": {"component": "sovereign-ai-provisioner"},
        "lastTimestamp": now,
    }

"""A provisioner of the plan's storage classes on real nodes: a volume is a folder of the node, in its zone.

It does what a storage system's own provisioner does with topology. A claim waits until the scheduler has
selected a node for its first pod. Then a volume is made there and bound to the node's region, hall, zone and
name, or the claim is refused with a reason and the scheduler selects another node. Nothing is encrypted and
no size is enforced: docs/fidelity.md states so.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.names import KEYS
from sovereign_ai.plan import Plan
from sovereign_ai.units import Bytes

PREFIX = f"{KEYS.domain}/"
"""What the names of provisioners of the plan's storage classes start with."""
_SELECTED, _PROVISIONER = "volume.kubernetes.io/selected-node", "volume.kubernetes.io/storage-provisioner"
_MADE_BY = "pv.kubernetes.io/provisioned-by"
_REGION, _HALL, _HOST = (
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "kubernetes.io/hostname",
)
_NAME = re.compile(r"pvc-[0-9a-f-]{36}")
_CONFLICT, _NOT_FOUND = 409, 404
_MODE = 0o770
_log = logging.getLogger(__name__)

Object = Mapping[str, Any]
Folder = Callable[[str], Path | None]
"""Returns a node's folder of volumes on the host; None where no container plays the node."""


class ProvisionRefusedError(Exception):
    """A claim cannot have a volume; the text states why, for its owner."""


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
            folder: returns a node's folder of volumes.
            inside: the path of that folder in the node itself.

        Raises:
            KeyError: the plan has no such cluster.
        """
        site = plan.cluster(cluster).site
        self._api, self._folder, self._inside = api, folder, inside
        self._capacity: dict[str, Bytes] = {}
        for tier in plan.storage:
            if tier.site == site:
                self._capacity[tier.tier] = Bytes(tier.capacity)

    def keep(self) -> int:
        """Serve every claim that waits for a volume, and remove released volumes that may go.

        Returns:
            How many volumes were made.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """
        claims = [claim for claim in self._api.list("v1", "PersistentVolumeClaim") if _waits(claim)]
        volumes = []
        for volume in self._api.list("v1", "PersistentVolume"):
            if _is_own(volume):
                volumes.append(volume)
                self._release(volume)
        made = 0
        for claim in claims:
            try:
                planned = self._volume(claim, volumes)
                if planned is not None:
                    # The next claim is judged by what this one was promised.
                    volumes.append(self._make(planned))
                    made += 1
            except ProvisionRefusedError as error:
                self._refuse(claim, str(error))
            except ApiError as error:
                # A failure of this claim alone: the others are served all the same.
                _log.warning("claim %s/%s not served: %s", *_name_of(claim), error)
        return made

    def _volume(self, claim: Object, volumes: Iterable[Object]) -> dict[str, Any] | None:
        """Return the volume that a claim should have; None if another provisioner decides it.

        Raises:
            RefusedError: it can have none there.
        """
        class_name = str(claim["spec"].get("storageClassName", ""))
        kind = self._api.get("storage.k8s.io/v1", "StorageClass", class_name)
        node = self._api.get("v1", "Node", claim["metadata"]["annotations"][_SELECTED])
        if kind is None or node is None or not self._serves(claim, kind):
            return None
        check(claim, kind, node)
        name = str(node["metadata"]["name"])
        if self._folder(name) is None:
            raise ProvisionRefusedError(f"node {name} is simulated: it can have no volume")
        self._check_room(claim, kind, volumes)
        return volume_of(claim, kind, node, f"{self._inside}/{volume_name(claim)}")

    def _serves(self, claim: Object, kind: Object) -> bool:
        """Return whether a claim's volume is made here: by a class of ours, and no driver of the cluster."""
        driver = str(kind["provisioner"])
        if claim["metadata"]["annotations"][_PROVISIONER] != driver:
            return False
        if driver.startswith(PREFIX):
            return True
        labels, name = kind["metadata"].get("labels") or {}, kind["metadata"]["name"]
        is_tier = labels.get(KEYS.component) == f"storage.{name}"
        return is_tier and self._api.get("storage.k8s.io/v1", "CSIDriver", driver) is None

    def _check_room(self, claim: Object, kind: Object, volumes: Iterable[Object]) -> None:
        """Check that the tier has room, by what claims were promised.

        Raises:
            RefusedError: it has none, or the plan has no such tier.
        """
        tier = str(kind["metadata"]["name"])
        if tier not in self._capacity:
            raise ProvisionRefusedError(f"the plan has no storage tier {tier} at this site")
        promised = 0
        for volume in volumes:
            spec = volume["spec"]
            if spec.get("storageClassName") == tier:
                promised += _size(spec["capacity"]["storage"])
        requested = _requested(claim)
        capacity = self._capacity[tier]
        left = capacity.count - promised
        if requested > left:
            # The plan may have become smaller since volumes were promised.
            room = f"{Bytes(max(left, 0))} left of {capacity}"
            raise ProvisionRefusedError(f"tier {tier} has {room}; the claim requests {Bytes(requested)}")

    def _make(self, volume: dict[str, Any]) -> dict[str, Any]:
        """Make the folder, then the volume: a pod may start as soon as the volume exists."""
        name, host = volume["metadata"]["name"], _host(volume)
        folder = self._folder(host)
        if folder is not None:
            own = folder / name
            own.mkdir(mode=_MODE, exist_ok=True)
            # `mkdir` takes the umask away from its mode.
            own.chmod(_MODE)
        try:
            self._api.create(volume)
        except ApiError as error:
            # A run that was killed before it could take note of the volume has made it already.
            if error.status != _CONFLICT:
                raise
        _log.info("made volume %s on %s", name, host)
        return volume

    def _refuse(self, claim: Object, why: str) -> None:
        """Report to a claim's owner why it has no volume, and let the scheduler select another node."""
        metadata = claim["metadata"]
        namespace, name = _name_of(claim)
        _log.info("refused claim %s/%s: %s", namespace, name, why)
        try:
            self._api.apply(_event(claim, why), field_manager="sovereign-ai-provisioner", force=True)
        except ApiError as error:
            _log.warning("event of claim %s/%s not written: %s", namespace, name, error)
        path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}"
        # Without the annotation the scheduler starts over. The version keeps a selection that it made
        # meanwhile.
        version = metadata.get("resourceVersion")
        patch = {"metadata": {"resourceVersion": version, "annotations": {_SELECTED: None}}}
        try:
            self._api.request("PATCH", path, patch, content_type="application/merge-patch+json")
        except ApiError as error:
            if error.status not in {_NOT_FOUND, _CONFLICT}:
                raise

    def _release(self, volume: Object) -> None:
        """Remove a released volume whose class deletes it; a retained one is its owner's decision."""
        spec, name = volume["spec"], str(volume["metadata"]["name"])
        is_released = volume.get("status", {}).get("phase") == "Released"
        goes = is_released and spec.get("persistentVolumeReclaimPolicy") == "Delete"
        folder = self._folder(_host(volume))
        # The name becomes a path that is removed, as root: no other text than a provisioner's own name may.
        if goes and folder is not None and _NAME.fullmatch(name):
            shutil.rmtree(folder / name, ignore_errors=True)
            self._api.delete("v1", "PersistentVolume", name)
            _log.info("removed volume %s", name)


def check(claim: Object, kind: Object, node: Object) -> None:
    """Check that a node may hold a claim's volume.

    Args:
        claim: the claim.
        kind: its storage class.
        node: the node.

    Raises:
        RefusedError: it may not.
    """
    labels, name = node["metadata"].get("labels") or {}, node["metadata"]["name"]
    class_name = kind["metadata"]["name"]
    zone = (kind["metadata"].get("labels") or {}).get(KEYS.namespace_zone)
    if not zone or labels.get(KEYS.zone) != zone:
        place = f"node {name} is in zone {labels.get(KEYS.zone)}"
        raise ProvisionRefusedError(f"class {class_name} serves zone {zone}; {place}")
    allowed = kind.get("allowedTopologies") or []
    if allowed and not any(_fits(topology, labels) for topology in allowed):
        place = f"{labels.get(_REGION)}/{labels.get(_HALL)}"
        raise ProvisionRefusedError(f"class {class_name} does not reach {place}, where node {name} is")
    if claim["spec"].get("volumeMode") == "Block":
        raise ProvisionRefusedError("volumes are folders here; block devices are not made")


def volume_of(claim: Object, kind: Object, node: Object, path: str) -> dict[str, Any]:
    """Return the volume for a claim on a node.

    Args:
        claim: the claim.
        kind: its storage class.
        node: the node.
        path: the volume's folder, as the node calls it.
    """
    labels = node["metadata"]["labels"]
    places = []
    for key in (_REGION, _HALL, KEYS.zone, _HOST):
        value = labels[key]
        places.append({"key": key, "operator": "In", "values": [value]})
    term = {"matchExpressions": places}
    requests = claim["spec"]["resources"]["requests"]
    driver = str(kind["provisioner"])
    # Of a driver's own volumes the driver's sidecar would release these as well.
    annotations = {_MADE_BY: driver if driver.startswith(PREFIX) else f"{PREFIX}{driver}"}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name(claim), "annotations": annotations},
        "spec": {
            "capacity": {"storage": requests["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "persistentVolumeReclaimPolicy": kind.get("reclaimPolicy", "Delete"),
            "storageClassName": kind["metadata"]["name"],
            "volumeMode": "Filesystem",
            "claimRef": _reference(claim),
            "local": {"path": path},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
        },
    }


def volume_name(claim: Object) -> str:
    """Return the name of a claim's volume, as Kubernetes' own provisioners form it."""
    return f"pvc-{claim['metadata']['uid']}"


def _name_of(claim: Object) -> tuple[str, str]:
    """Return a claim's namespace and name."""
    return claim["metadata"]["namespace"], claim["metadata"]["name"]


def _reference(claim: Object) -> dict[str, Any]:
    """Return a reference to a claim."""
    metadata = claim["metadata"]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    for key in ("namespace", "name", "uid"):
        reference[key] = metadata[key]
    return reference


def _waits(claim: Object) -> bool:
    """Return whether a claim waits for a volume of some provisioner and has a node."""
    annotations = claim["metadata"].get("annotations") or {}
    is_open = not claim["spec"].get("volumeName") and not claim["metadata"].get("deletionTimestamp")
    return _PROVISIONER in annotations and _SELECTED in annotations and is_open


def _is_own(volume: Object) -> bool:
    """Return whether this provisioner made a volume."""
    annotations = volume["metadata"].get("annotations") or {}
    return str(annotations.get(_MADE_BY, "")).startswith(PREFIX)


def _fits(topology: Object, labels: Mapping[str, str]) -> bool:
    """Return whether a node is in a topology: each of its expressions holds."""
    expressions = topology.get("matchLabelExpressions") or []
    return all(labels.get(expression["key"]) in expression["values"] for expression in expressions)


def _host(volume: Object) -> str:
    """Return the node that a volume is on; empty where `volume_of` did not make the volume."""
    required = volume["spec"].get("nodeAffinity", {}).get("required", {})
    terms = required.get("nodeSelectorTerms") or [{}]
    for expression in terms[0].get("matchExpressions") or []:
        if expression["key"] == _HOST and expression.get("values"):
            return str(expression["values"][0])
    return ""


def _requested(claim: Object) -> int:
    """Return what a claim requests, in bytes."""
    return _size(claim["spec"]["resources"]["requests"]["storage"])


def _size(text: str) -> int:
    """Return the bytes of a Kubernetes quantity.

    Raises:
        RefusedError: it cannot be read.
    """
    try:
        return Bytes.from_kubernetes(text).count
    except ValueError as error:
        raise ProvisionRefusedError(str(error)) from None


def _event(claim: Object, why: str) -> dict[str, Any]:
    """Return the event that a claim's owner sees; one a claim, which each refusal updates."""
    metadata = claim["metadata"]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    # A name may not have a dot or a hyphen before the dot that follows.
    stem = metadata["name"][:_LONGEST_EVENT].rstrip("-.")
    name = f"{stem}.{str(metadata['uid'])[:8]}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": metadata["namespace"]},
        "involvedObject": _reference(claim),
        "type": "Warning",
        "reason": "ProvisioningFailed",
        "message": why,
        "source": {"component": "sovereign-ai-provisioner"},
        "lastTimestamp": now,
    }

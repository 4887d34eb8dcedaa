"""NVIDIA's GPU Operator: its `ClusterPolicy`, and an `NVIDIADriver` for each pool where drivers differ.

Read for this on 2026-11-29, in the operator's source: it joins repository, image and version, appends the
system's name to a tag and nothing to a digest, takes no digest for precompiled drivers, and tells drivers of
several machines apart by `nodeSelector`, which can name one pool.
"""

from __future__ import annotations

from collections.abc import Sequence

from sovereign_ai.catalog.vendors import vendor
from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.names import KEYS
from sovereign_ai.plan import Plan, PlatformController
from sovereign_ai.render.kubernetes.objects import Object
from sovereign_ai.render.kubernetes.operators.images import PartImage, installs_packages, part_images
from sovereign_ai.render.kubernetes.operators.machines import NVIDIA, nvidia_pools, rdma_kinds, tolerations
from sovereign_ai.spec import AIFactory, GpuNodePool

_DRIVER, _GDRCOPY = "driver", "gdrdrv"
_DRA_DRIVER, _NETWORK_OPERATOR = "dra-driver-nvidia-gpu", "network-operator"


def settings(
    factory: AIFactory, plan: Plan, controller: PlatformController
) -> tuple[list[Object], list[str]]:
    """Return the operator's objects, and what a person must know of them.

    Raises:
        SpecError: a pool's driver has no image in the factory's registries.
    """
    pools = nvidia_pools(factory)
    if not pools:
        return [], ["no pool has GPUs of NVIDIA"]
    policy = _Policy(factory, plan, controller, pools)
    return policy.objects(), policy.notes


class _Policy:
    """The objects while they are made."""

    def __init__(
        self, factory: AIFactory, plan: Plan, controller: PlatformController, pools: list[GpuNodePool]
    ) -> None:
        self.factory, self.plan, self.pools = factory, plan, pools
        self.images = part_images(controller)
        self.precompiled = not installs_packages(controller)
        self.platform = factory.platform.names() if factory.platform else ()
        self.drivers = _driver_images(factory, controller, pools, precompiled=self.precompiled)
        self.notes: list[str] = []

    def objects(self) -> list[Object]:
        """Return every object, and collect the notes."""
        several = len({pool.driver for pool in self.pools}) > 1
        spec = self._spec()
        if several:
            spec["driver"]["useNvidiaDriverCRD"] = True
        else:
            spec["driver"] |= self._driver(self.pools)
            spec |= self._gdrcopy(self.pools)
        made = [_object("nvidia.com/v1", "ClusterPolicy", "cluster-policy", spec)]
        if several:
            for pool in self.pools:
                made.append(self._driver_of(pool))
        self._explain()
        return made

    def _spec(self) -> Object:
        """Return the policy without what is said of drivers."""
        names = {pool.name for pool in self.pools}
        mig = any(pool.mig for pool in self.pools)
        runtime = vendor(NVIDIA).runtime
        spec: Object = {
            "operator": {"defaultRuntime": "containerd"},
            "daemonsets": {"tolerations": tolerations(self.factory, self.plan, names)},
            "cdi": {"enabled": True},
            "mig": {"strategy": "single" if mig else "none"},
            # Who drains a machine decides when its driver changes, and not a second owner of its cordon.
            "driver": {"enabled": True, "upgradePolicy": {"autoUpgrade": False}},
            "toolkit": self._part("toolkit", "container-toolkit"),
            # Both would offer the same devices.
            "devicePlugin": self._part(
                "devicePlugin", "k8s-device-plugin", enabled=_DRA_DRIVER not in self.platform
            ),
            "gfd": self._part("gfd", "k8s-device-plugin"),
            "dcgmExporter": self._part("dcgmExporter", "dcgm-exporter"),
            # The exporter brings an engine of its own.
            "dcgm": {"enabled": False},
            "migManager": self._part("migManager", "k8s-mig-manager", enabled=mig),
            "nodeStatusExporter": {"enabled": False},
        }
        if runtime is not None:
            spec["operator"]["runtimeClass"] = runtime.handler
        validator = self._image("validator", "gpu-operator-validator")
        if validator:
            spec["validator"] = validator
        return spec

    def _part(self, part: str, image: str, *, enabled: bool = True) -> Object:
        """Return one part: whether it runs, and its image where it does."""
        if not enabled:
            return {"enabled": False}
        return {"enabled": True, **self._image(part, image)}

    def _image(self, part: str, image: str) -> Object:
        """Return the image of a part; empty, with a note, where the description names none."""
        if image in self.images:
            return dict(self.images[image][0].fields)
        left = "the operator takes the one that its own manifests name"
        self.notes.append(f"{part}: no image {image!r} is described, so {left}")
        return {}

    def _driver(self, pools: Sequence[GpuNodePool]) -> Object:
        """Return what is said of the driver of pools with one version."""
        fields: Object = {**self.drivers[pools[0].name], "usePrecompiled": self.precompiled}
        # Without NVIDIA's own network driver nothing says whether the machines have what peer memory needs.
        if _NETWORK_OPERATOR in self.platform and self._on_rdma(pools):
            fields["rdma"] = {"enabled": True}
        return fields

    def _gdrcopy(self, pools: Sequence[GpuNodePool]) -> Object:
        """Return the driver of GDRCopy where pools compute over RDMA and its image is described."""
        if not self._on_rdma(pools):
            return {}
        if _GDRCOPY in self.images:
            return {"gdrcopy": {"enabled": True, **self.images[_GDRCOPY][0].fields}}
        note = f"gdrcopy: no image {_GDRCOPY!r} is described, so it is left out"
        if note not in self.notes:
            self.notes.append(note)
        return {}

    def _on_rdma(self, pools: Sequence[GpuNodePool]) -> bool:
        """Return whether any of some pools computes over RDMA."""
        return any(rdma_kinds(self.factory, pool) for pool in pools)

    def _driver_of(self, pool: GpuNodePool) -> Object:
        """Return the driver of one pool."""
        spec: Object = {
            "driverType": "gpu",
            "nodeSelector": {KEYS.pool: pool.name},
            "tolerations": tolerations(self.factory, self.plan, {pool.name}),
            **self._driver([pool]),
            **self._gdrcopy([pool]),
        }
        return _object("nvidia.com/v1alpha1", "NVIDIADriver", pool.name, spec)

    def _explain(self) -> None:
        """Add notes on what no object can say."""
        if self.precompiled:
            tag = "it adds the machine's kernel and system to the version, and pulls that tag"
            self.notes.append(f"driver: the operator takes no digest of a precompiled driver; {tag}")
        for pool in self.pools:
            if pool.mig:
                label = f"nvidia.com/mig.config=all-{pool.mig}"
                self.notes.append(f"pool {pool.name}: GPUs are divided on machines with the label {label}")


def _driver_images(
    factory: AIFactory, controller: PlatformController, pools: Sequence[GpuNodePool], *, precompiled: bool
) -> dict[str, dict[str, str]]:
    """Return pool to the three fields of its driver's image.

    Raises:
        SpecError: every version that has no image, since the operator would pull it from its publisher.
    """
    candidates = part_images(controller).get(_DRIVER, [])
    versions = {pool.driver: _written(pool.driver) for pool in pools}
    images: dict[str, dict[str, str]] = {}
    for version, written in versions.items():
        others = [other for other in versions.values() if other != written]
        fields = _image_of(candidates, written, others, precompiled=precompiled)
        if fields is not None:
            images[version] = fields
    missing: list[Problem] = []
    for version, written in versions.items():
        if version not in images:
            missing.append(_missing_image(factory, controller, written))
    if missing:
        raise SpecError(missing)
    return {pool.name: images[pool.driver] for pool in pools}


def _written(version: str) -> str:
    """Return a driver's version as its vendor writes it."""
    driver = vendor(NVIDIA).driver
    return driver.written(version) if driver else version


def _image_of(
    candidates: Sequence[PartImage], written: str, others: Sequence[str], *, precompiled: bool
) -> dict[str, str] | None:
    """Return the fields of the image that has a driver; None where none is known to have it.

    Args:
        candidates: the described images of drivers.
        written: the driver's version.
        others: the other versions that the factory has.
        precompiled: whether images have precompiled drivers, whose tags may begin with the branch alone.
    """
    branch = written.partition(".")[0]
    branches = {other.partition(".")[0] for other in others}
    for image in candidates:
        exact = _begins(image.tag, written)
        by_branch = precompiled and branch not in branches and _begins(image.tag, branch)
        # An image without a tag is the one driver of a factory that has one.
        alone = not image.tag and not others
        if exact or by_branch or alone:
            version = image.digest or written
            if precompiled:
                version = written if exact else branch
            return {"repository": image.repository, "image": image.name, "version": version}
    return None


def _begins(tag: str, version: str) -> bool:
    """Return whether a tag is a version, or goes on behind it with the kernel's or system's name."""
    return tag == version or tag.startswith(f"{version}-")


def _missing_image(factory: AIFactory, controller: PlatformController, version: str) -> Problem:
    """Return the problem of a driver without an image."""
    registries = factory.images.registries
    registry = registries[0].rstrip("/") if registries else "REGISTRY"
    message = f"no image of the driver {version} is described, and the operator would pull NVIDIA's own"
    hint = (
        f'mirror it and add "{registry}/{_DRIVER}:{version}-SYSTEM@sha256:…" to images of {controller.name}'
    )
    return Problem("missing-image", message, _images_field(factory, controller.name), hint)


def _images_field(factory: AIFactory, name: str) -> Where:
    """Return the field that lists a controller's images, or should."""
    if factory.platform is not None:
        for number, described in enumerate(factory.platform.controllers):
            if described.name == name:
                return factory.where(f"platform.controllers[{number}].images")
    return factory.where("platform.controllers")


def _object(version: str, kind: str, name: str, spec: Object) -> Object:
    """Return an object of the whole cluster."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}

"""Vendors of accelerators: what hosts, containers, Kubernetes and the simulator need to know of each.

This is the only place that tells vendors apart. Other packages ask a vendor for what it has, and do without
where it has none; a vendor that only a description names has nothing but its name.

    >>> nvidia = vendor("nvidia")
    >>> nvidia.driver.pattern("580.95.5"), nvidia.runtime.handler, nvidia.dra.partition_class.name
    ('580.95.05*', 'nvidia', 'mig.nvidia.com')
    >>> vendor("amd").container.device_file(1), vendor("amd").faults
    ('/dev/dri/renderD129', None)
    >>> vendor("example").driver is None
    True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cache
from types import MappingProxyType
from typing import Any, TypeVar

from sovereign_ai.catalog.figures import table
from sovereign_ai.frozen_dataclass import frozen_dataclass

T = TypeVar("T")
_FILE = "vendors.json"


@frozen_dataclass(kw_only=True)
class Diagnostics:
    """A vendor's diagnostics of a server's GPUs.

    Attributes:
        tool: the tool, by the name of the reader of its output in `assess.acceptance.readers`.
        command: its command, with a place for the `level` of its tests.
    """

    tool: str
    command: str


@frozen_dataclass(kw_only=True)
class ContainerDevices:
    """How a vendor's container toolkit presents devices to a container.

    Attributes:
        variable: the environment variable that lists them.
        by_uuid: whether it lists UUIDs; else indices.
        file: the stem of the device files' path, which a number follows.
        first: the number of the first device's file.
        fixed: whether the driver gives a GPU the same file at every start.
        tool: the vendor's command that shows devices, where the simulator plays it; else empty.
    """

    variable: str
    by_uuid: bool
    file: str
    first: int
    fixed: bool
    tool: str

    def device_file(self, index: int) -> str:
        """Return the path of the device file of a GPU."""
        return f"{self.file}{self.first + index}"


@frozen_dataclass(kw_only=True)
class DriverPackages:
    """A vendor's driver, as its own repository for Debian has it.

    A server installs the packages from the mirror that its installation set up. This project has not
    installed any of them on such a server.

    Attributes:
        pci: PCI vendor identifier of its parts, four hexadecimal digits.
        packages: driver and toolkit.
        pinned: those packages that are held to the version that the pool names.
        modprobe: options of its kernel modules.
        version_digits: least digits of each number of a version, as the vendor writes it; empty where it pads
            none.
    """

    pci: str
    packages: tuple[str, ...]
    pinned: tuple[str, ...]
    modprobe: str
    version_digits: tuple[int, ...]

    def written(self, version: str) -> str:
        """Return a version as the vendor writes it: NVIDIA's 580.95.5 is 580.95.05."""
        numbers = version.split(".")
        if len(numbers) != len(self.version_digits):
            return version
        padded = []
        for number, digits in zip(numbers, self.version_digits, strict=True):
            padded.append(f"{int(number):0{digits}d}")
        return ".".join(padded)

    def pattern(self, version: str) -> str:
        """Return the version pattern that apt pins a package to.

        The suffix that a packager adds to the version is left open.
        """
        return f"{self.written(version)}*"


@frozen_dataclass(kw_only=True)
class ContainerRuntime:
    """The container runtime that a vendor's toolkit installs.

    Attributes:
        handler: its name in containerd and in a RuntimeClass.
        program: its program on the host.
    """

    handler: str
    program: str


@frozen_dataclass(kw_only=True)
class DeviceClass:
    """A DeviceClass of a vendor's DRA driver.

    Attributes:
        name: its name.
        expression: the vendor's own CEL that selects its devices.
        resource: the extended resource that it stands in for; empty for partitions, whose resource names
            carry the profile.
    """

    name: str
    expression: str
    resource: str


@frozen_dataclass(kw_only=True)
class DraDriver:
    """A vendor's DRA driver.

    Attributes:
        driver: its name.
        device_type: the attribute `type` of a whole GPU.
        brand: the attribute `brand`; empty where it has none.
        whole_class: the class of whole GPUs.
        partition_class: the class of a GPU's partitions; None where it has none.
    """

    driver: str
    device_type: str
    brand: str
    whole_class: DeviceClass
    partition_class: DeviceClass | None


@frozen_dataclass(kw_only=True)
class ScaleUpDevices:
    """How a vendor's rack-scale network between GPUs, such as NVLink, shows in Kubernetes.

    Attributes:
        label: the node label of the domain that a machine belongs to.
        class_prefix: what the names of its DeviceClasses begin with.
        device_class: one of these classes.
        gpu_prefixes: what the extended resources of GPUs and their partitions begin with; others of the
            vendor's domain are devices of the network.
    """

    label: str
    class_prefix: str
    device_class: str
    gpu_prefixes: tuple[str, ...]


@frozen_dataclass(kw_only=True)
class FaultCodes:
    """The numbered faults that a vendor's kernel driver reports.

    Attributes:
        word: what the vendor calls one, `Xid`.
        log: regular expression of its line in the kernel's log; its groups are the bus address and the code.
        switch_log: the same of a switch between GPUs, whose codes are others; a third group is how severe it
            is, `Fatal` or `Non-fatal`.
        application: codes that a program causes, or that only inform; the GPU is well.
        hardware: codes after which a GPU is drained, reset or replaced.
        restart: those of them after which there is nothing to reset: the machine restarts.
        lost: what the DRA driver calls a GPU that answers no more, as the name of a device taint's key.
    """

    word: str
    log: str
    switch_log: str
    application: frozenset[int]
    hardware: frozenset[int]
    restart: frozenset[int]
    lost: str


@frozen_dataclass(kw_only=True)
class Vendor:
    """One vendor of accelerators. What it does not have is None, or empty.

    Attributes:
        name: the supplier's name in `suppliers`, `nvidia`.
        title: the name as people write it.
        label_domain: the domain of its extended resources and node labels, `nvidia.com`.
        features: the program that labels nodes with what their GPUs are.
        telemetry: the exporter of its metrics.
        collectives: the program that measures collectives in the output format of nccl-tests.
        diagnostics: its diagnostics.
        container: how containers get devices.
        driver: its driver's packages.
        runtime: its container runtime.
        dra: its DRA driver.
        scale_up: its network between the GPUs of several machines.
        faults: the faults that its driver reports.
        sources: part of the row to where and when it was read.
    """

    name: str
    title: str
    label_domain: str = ""
    features: str = ""
    telemetry: str = ""
    collectives: str = ""
    diagnostics: Diagnostics | None = None
    container: ContainerDevices | None = None
    driver: DriverPackages | None = None
    runtime: ContainerRuntime | None = None
    dra: DraDriver | None = None
    scale_up: ScaleUpDevices | None = None
    faults: FaultCodes | None = None
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)


def vendor(name: str) -> Vendor:
    """Return a vendor; one without a row, which a description may name, has nothing but its name."""
    return _by_name().get(name) or Vendor(name=name, title=name)


def vendors() -> tuple[Vendor, ...]:
    """Return every vendor of the package, sorted by name."""
    return tuple(_by_name().values())


@cache
def local_runtimes() -> tuple[str, ...]:
    """Return the handlers of container runtimes that run a pod on the node that it was scheduled to.

    They have the names that their projects give them. A vendor's handler that the table lacks comes last: the
    order is that of admission policies, which a new vendor should not rewrite.
    """
    handlers = list(table(_FILE)["runtimes"]["handlers"])
    for row in vendors():
        if row.runtime and row.runtime.handler not in handlers:
            handlers.append(row.runtime.handler)
    return tuple(handlers)


# Frozen, since every caller shares the one mapping.
@cache
def _by_name() -> Mapping[str, Vendor]:
    """Read the table once."""
    by_name = {}
    for raw in sorted(table(_FILE)["rows"], key=lambda raw: str(raw["name"])):
        by_name[raw["name"]] = _vendor(raw)
    return MappingProxyType(by_name)


def _vendor(raw: Mapping[str, Any]) -> Vendor:
    """Build one vendor from its row."""
    sources = {}
    for part, value in raw.items():
        if isinstance(value, dict):
            sources[part] = f"{value['source']}, read {value['read']}"
    return Vendor(
        name=raw["name"],
        title=raw["title"],
        label_domain=raw.get("label_domain", ""),
        features=raw.get("features", ""),
        telemetry=raw.get("telemetry", ""),
        collectives=raw.get("collectives", ""),
        diagnostics=_part(raw, "diagnostics", _diagnostics),
        container=_part(raw, "container", _container),
        driver=_part(raw, "driver", _driver),
        runtime=_part(raw, "runtime", _runtime),
        dra=_part(raw, "dra", _dra),
        scale_up=_part(raw, "scale_up", _scale_up),
        faults=_part(raw, "faults", _faults),
        sources=MappingProxyType(sources),
    )


def _part(raw: Mapping[str, Any], key: str, build: Callable[[Mapping[str, Any]], T]) -> T | None:
    """Build a part of a row; None where the row does not have it."""
    return build(raw[key]) if key in raw else None


def _diagnostics(raw: Mapping[str, Any]) -> Diagnostics:
    return Diagnostics(tool=raw["tool"], command=raw["command"])


def _container(raw: Mapping[str, Any]) -> ContainerDevices:
    return ContainerDevices(
        variable=raw["variable"],
        by_uuid=raw["by_uuid"],
        file=raw["file"],
        first=raw.get("first", 0),
        fixed=raw.get("fixed", False),
        tool=raw.get("tool", ""),
    )


def _driver(raw: Mapping[str, Any]) -> DriverPackages:
    return DriverPackages(
        pci=raw["pci"],
        packages=tuple(raw["packages"]),
        pinned=tuple(raw["pinned"]),
        modprobe=raw["modprobe"],
        version_digits=tuple(raw.get("version_digits", ())),
    )


def _runtime(raw: Mapping[str, Any]) -> ContainerRuntime:
    return ContainerRuntime(handler=raw["handler"], program=raw["program"])


def _dra(raw: Mapping[str, Any]) -> DraDriver:
    return DraDriver(
        driver=raw["driver"],
        device_type=raw["device_type"],
        brand=raw.get("brand", ""),
        whole_class=_device_class(raw["whole_class"]),
        partition_class=_part(raw, "partition_class", _device_class),
    )


def whole_device_class(resource: str) -> DeviceClass | None:
    """Return the device class of whole GPUs that are requested as an extended resource; None without one."""
    for row in vendors():
        if row.dra and row.dra.whole_class.resource == resource:
            return row.dra.whole_class
    return None


def _device_class(raw: Mapping[str, Any]) -> DeviceClass:
    return DeviceClass(name=raw["name"], expression=raw["expression"], resource=raw.get("resource", ""))


def _scale_up(raw: Mapping[str, Any]) -> ScaleUpDevices:
    return ScaleUpDevices(
        label=raw["label"],
        class_prefix=raw["class_prefix"],
        device_class=raw["device_class"],
        gpu_prefixes=tuple(raw["gpu_prefixes"]),
    )


def _faults(raw: Mapping[str, Any]) -> FaultCodes:
    return FaultCodes(
        word=raw["word"],
        log=raw["log"],
        switch_log=raw["switch_log"],
        application=frozenset(raw["application"]),
        hardware=frozenset(raw["hardware"]),
        restart=frozenset(raw["restart"]),
        lost=raw["lost"],
    )

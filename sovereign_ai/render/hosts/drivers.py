"""GPU drivers by vendor: which packages, at which version, and how a machine tells that it has such a part.

Package names are those of the vendors' own repositories for Debian; a machine takes them from the mirror that its
installation set up. Nothing here was installed on such a machine by this project.

    >>> pinned("nvidia", "580.95.5")
    '580.95.05*'
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Driver:
    """One vendor's driver.

    Attributes:
        pci: PCI vendor of its parts, four hexadecimal digits.
        packages: driver and toolkit.
        pinned: those whose version is the pool's.
        runtime: name of the runtime that containerd gets; empty where devices are handed over without one.
        program: the runtime's program.
        modprobe: options of its kernel modules.
    """

    pci: str
    packages: tuple[str, ...]
    pinned: tuple[str, ...]
    runtime: str
    program: str
    modprobe: str


DRIVERS = {
    "nvidia": Driver(
        pci="10de",
        packages=("nvidia-open", "nvidia-driver-cuda", "nvidia-fabricmanager", "nvidia-container-toolkit"),
        pinned=("nvidia-open", "nvidia-driver-cuda", "nvidia-fabricmanager"),
        runtime="nvidia",
        program="/usr/bin/nvidia-container-runtime",
        modprobe="options nvidia NVreg_EnableStreamMemOPs=1\nblacklist nouveau\n",
    ),
    "amd": Driver(
        pci="1002", packages=("amdgpu-dkms", "rocm-smi-lib"), pinned=("amdgpu-dkms",), runtime="", program="", modprobe="blacklist radeon\n"
    ),
    "intel": Driver(
        pci="1da3",
        packages=("habanalabs-dkms", "habanalabs-firmware-tools", "habanalabs-container-runtime"),
        pinned=("habanalabs-dkms", "habanalabs-firmware-tools", "habanalabs-container-runtime"),
        runtime="habana",
        program="/usr/bin/habana-container-runtime",
        modprobe="softdep habanalabs pre: habanalabs_cn\n",
    ),
}
"""Vendor, as the catalogue names it, to its driver. 1da3 is Habana Labs' own number."""


def pinned(vendor: str, version: str) -> str:
    """Give the version that apt is held to: NVIDIA writes the last of three numbers with two digits; a packager's suffix is free."""
    if vendor == "nvidia" and version.count(".") == 2:
        major, minor, patch = version.split(".")
        version = f"{major}.{minor}.{int(patch):02d}"
    return f"{version}*"

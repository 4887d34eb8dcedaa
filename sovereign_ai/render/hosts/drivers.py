"""GPU drivers by vendor: packages, their version, and the PCI vendor that identifies the part.

Package names are those of the vendors' own repositories for Debian; a server installs them from the mirror
that its installation set up. This project has not installed any of them on such a server.

    >>> pinned("nvidia", "580.95.5")
    '580.95.05*'
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Driver:
    """One vendor's driver.

    Attributes:
        pci: PCI vendor identifier of its parts, four hexadecimal digits.
        packages: driver and toolkit.
        pinned: those packages that are held to the version that the pool names.
        runtime: name of the runtime that containerd gets; empty where containers get their devices without
            one.
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
        # nouveau, the kernel's own driver, would bind the GPU first.
        modprobe="options nvidia NVreg_EnableStreamMemOPs=1\nblacklist nouveau\n",
    ),
    "amd": Driver(
        pci="1002",
        packages=("amdgpu-dkms", "rocm-smi-lib"),
        pinned=("amdgpu-dkms",),
        runtime="",
        program="",
        modprobe="blacklist radeon\n",
    ),
    "intel": Driver(
        # Habana Labs' own vendor identifier, not Intel's 8086.
        pci="1da3",
        packages=("habanalabs-dkms", "habanalabs-firmware-tools", "habanalabs-container-runtime"),
        pinned=("habanalabs-dkms", "habanalabs-firmware-tools", "habanalabs-container-runtime"),
        runtime="habana",
        program="/usr/bin/habana-container-runtime",
        modprobe="softdep habanalabs pre: habanalabs_cn\n",
    ),
}
"""Vendor, as the catalogue names it, to its driver."""


def pinned(vendor: str, version: str) -> str:
    """Return the version pattern that apt pins a package to.

    The suffix that a packager adds to the version is left open.
    """
    if vendor == "nvidia" and version.count(".") == 2:
        # NVIDIA writes the last of its three numbers with two digits: 580.95.05.
        major, minor, patch = version.split(".")
        version = f"{major}.{minor}.{int(patch):02d}"
    return f"{version}*"

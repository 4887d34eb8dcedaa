"""A Debian root filesystem for booting, made once and kept in the cache folder, with its packages beside it.

The packages that roles install lie in the filesystem as a repository of files, so that they are really
installed, by apt, on a machine that has no network. Two of them Debian does not have: `kubelet` and `kubeadm`
are stood in for by packages of that name and version which hold a script, since what is tested is pinning and
installing, not what is in them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.toolchain.cache import cache_dir
from sovereign_ai.toolchain.table import tool

SUITE = "bookworm"
RECIPE = 2
"""One more when what is done to the filesystem changes."""
BASE = "systemd,systemd-sysv,dbus,python3-apt,iproute2"
ROLES = [
    "kmod",
    "nftables",
    "sudo",
    "openssh-server",
    "chrony",
    "systemd-journal-remote",
    "containerd",
    "rdma-core",
    "ethtool",
    "nfs-common",
]
STANDS_IN = ("kubelet", "kubeadm")
UNIT = "[Unit]\nDescription=kubelet\n\n[Service]\nExecStart=/usr/bin/kubelet\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n"  # noqa: E501 - one literal text


def need() -> None:
    """Fail where the machine cannot hold this: it is no reason to skip."""
    assert os.geteuid() == 0, "booting root filesystems needs root"
    lacking = [
        name
        for name in ("mmdebstrap", "systemd-nspawn", "ip", "unshare", "nsenter", "dpkg-deb")
        if shutil.which(name) is None
    ]
    assert not lacking, (
        f"apt-get install mmdebstrap systemd-container iproute2: {', '.join(lacking)} is not there"
    )


def rootfs() -> Path:
    """Give the filesystem, which is made on first use under a lock and renamed into place once it is
    whole.
    """
    made_of = (RECIPE, BASE, *ROLES, *STANDS_IN, UNIT, tool("kube-apiserver").version)
    recipe = hashlib.sha256(repr(made_of).encode()).hexdigest()[:12]
    place = cache_dir() / "hosts" / f"{SUITE}-{recipe}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            work = place.with_suffix(".work")
            shutil.rmtree(work, ignore_errors=True)
            _make(work)
            work.rename(place)
    return place


def _run(*command: str) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
    assert done.returncode == 0, f"{' '.join(command[:3])}: {(done.stdout + done.stderr)[-2000:]}"


def _make(work: Path) -> None:
    """Bootstrap, fetch the packages of the roles, and leave no source but them."""
    _run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={BASE}", SUITE, str(work))
    (work / "etc/dpkg/dpkg.cfg.d/fast").write_text("force-unsafe-io\n", encoding="ascii")
    archives, packages = work / "var/cache/apt/archives", work / "srv/packages"
    _run("chroot", str(work), "apt-get", "update")
    _run(
        "chroot", str(work), "apt-get", "install", "-y", "--no-install-recommends", "--download-only", *ROLES
    )
    packages.mkdir(parents=True)
    for file in archives.glob("*.deb"):
        file.rename(packages / file.name)
    for name in STANDS_IN:
        _stand_in(work / "tmp" / name, name, packages)
    (packages / "Packages").write_text("\n".join(_listed(packages)), encoding="utf-8")
    (work / "etc/apt/sources.list").write_text("deb [trusted=yes] file:/srv/packages ./\n", encoding="ascii")
    _run("chroot", str(work), "apt-get", "update")
    for name in ("etc/machine-id", "etc/hostname"):
        (work / name).unlink(missing_ok=True)


def _stand_in(folder: Path, name: str, packages: Path) -> None:
    """Make one package that holds a script."""
    version = f"{tool('kube-apiserver').version}-1.1"
    for part in ("DEBIAN", "usr/bin", "lib/systemd/system"):
        (folder / part).mkdir(parents=True)
    control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: tests\nDescription: stands in for {name} in tests\n"  # noqa: E501 - one literal text
    (folder / "DEBIAN/control").write_text(control, encoding="ascii")
    (folder / "usr/bin" / name).write_text("#!/bin/sh\nexec sleep infinity\n", encoding="ascii")
    (folder / "usr/bin" / name).chmod(0o755)
    if name == "kubelet":
        (folder / "lib/systemd/system/kubelet.service").write_text(UNIT, encoding="ascii")
    _run("dpkg-deb", "--build", str(folder), str(packages / f"{name}_{version}_all.deb"))
    shutil.rmtree(folder)


def _listed(packages: Path) -> Iterator[str]:
    """Give the repository's index."""
    for file in sorted(packages.glob("*.deb")):
        fields = subprocess.run(
            ["dpkg-deb", "-f", str(file)], capture_output=True, text=True, check=True
        ).stdout.rstrip("\n")
        raw = file.read_bytes()
        yield f"{fields}\nFilename: ./{file.name}\nSize: {len(raw)}\nSHA256: {hashlib.sha256(raw).hexdigest()}\n"  # noqa: E501 - one literal text

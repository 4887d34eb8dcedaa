"""File trees of Debian packages, as tars that come out the same for the same packages.

The packages come from where this machine's own apt takes Debian from, with its own settings, and
are checked by Debian's keys; nothing of those settings stays in the tree.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.toolchain.cache import Progress
from sovereign_ai.toolchain.node_image.archive import EPOCH, Layer, layer_of
from sovereign_ai.toolchain.steps import WayClosedError, run

NODE_PACKAGES = (
    "systemd",
    "dbus",
    "iptables",
    "nftables",
    "ipset",
    "iproute2",
    "conntrack",
    "ethtool",
    "kmod",
    "jq",
    "procps",
    "util-linux",
    "mount",
)
"""What a node consists of beside Kubernetes."""
_USELESS = (
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/locale/",
    "usr/share/info/",
    "usr/share/lintian/",
    "usr/share/bug/",
)
_TOOLS = re.compile(
    r"usr/lib/[^/]+-linux-gnu/([^/]+\.so[^/]*|xtables/.+)|usr/lib64/.+"
    r"|usr/(s?bin)/(xtables|iptables|ip6tables|ipset|ip|conntrack|nft|modprobe|kmod)[^/]*"
    r"|(lib|lib64|bin|sbin)|etc/(protocols|services)"
)
"""What kube-proxy and kube-router call, and every library that such programs may need."""
_NEEDED = ("mmdebstrap", "apt-get", "dpkg")


def need() -> None:
    """Check that a tree can be made, before anything is built.

    Raises:
        EnvironmentLacksError: this is no Debian, a program is missing, or this is not root, which mmdebstrap
            needs.
    """
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing or not _sources():
        what = (
            f"missing: {', '.join(missing)}"
            if missing
            else "apt knows no source of Debian; `apt-get update` may be needed"
        )
        hint = (
            "on Debian: `apt-get install mmdebstrap`; elsewhere use a machine that can pull the published "
            "node image"
        )
        raise EnvironmentLacksError(
            Problem(
                "no-node-packages", f"a node image cannot be made of Debian packages here ({what})", hint=hint
            )
        )
    if os.geteuid() != 0:
        hint = "run `sovereign-ai tools node-image` as root, or `--published` where a registry is reached"
        raise EnvironmentLacksError(
            Problem("root-needed", "only root can make a node image of Debian packages", hint=hint)
        )


def node_tree(work: Path, progress: Progress) -> Layer:
    """Install the packages of a node into a tree of its own.

    Raises:
        EnvironmentLacksError: a package cannot be had.
    """
    target = work / "node.tar"
    excluded = [f"--dpkgopt=path-exclude=/{part}*" for part in _USELESS]
    # A tree that is merged from the start needs no package that merges it.
    merged = ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
    traces = "$1/etc/apt/apt.conf.d/99mmdebstrap $1/etc/resolv.conf $1/etc/hostname $1/etc/machine-id"
    clean = [f"--customize-hook=rm -f {traces}"]
    _mmdebstrap(target, work, progress, ["--dpkgopt=force-unsafe-io", *excluded, *merged, *clean])
    return layer_of(target)


def tool_tree(node: Layer, work: Path) -> Layer:
    """Copy the programs that kube-proxy and kube-router call from a node's tree, with all libraries."""
    kept = work / "tools.tar"
    with tarfile.open(node.path) as source, tarfile.open(kept, "w", format=tarfile.PAX_FORMAT) as target:
        for entry in sorted(source.getmembers(), key=lambda member: member.name):
            entry.name = entry.name.removeprefix("./")
            if _TOOLS.fullmatch(entry.name) and not entry.isdir():
                entry.mtime, entry.pax_headers = EPOCH, {}
                target.addfile(entry, source.extractfile(entry) if entry.isreg() else None)
    return layer_of(kept)


def packages(tree: Path) -> dict[str, str]:
    """Read which packages a node's tree holds: name to version."""
    with tarfile.open(tree) as tar:
        names = ("./var/lib/dpkg/status", "var/lib/dpkg/status")
        name = next(name for name in names if name in tar.getnames())
        source = tar.extractfile(name)
        text = source.read().decode() if source else ""
    pairs = re.findall(r"^Package: (\S+)\n(?:(?!\n\n).)*?^Version: (\S+)", text, re.MULTILINE | re.DOTALL)
    return dict(sorted(pairs))


def _mmdebstrap(target: Path, work: Path, progress: Progress, more: list[str]) -> None:
    """Run mmdebstrap."""
    need()
    log, sources, settings = work / "mmdebstrap.log", work / "sources.list", work / "apt.conf"
    lines = list(_sources())
    entries = [f"deb {site} {release} {component}\n" for site, release, component in lines]
    sources.write_text("".join(entries))
    dump = ["apt-config", "dump", "Acquire"]
    dumped = subprocess.run(dump, capture_output=True, text=True, check=True)
    settings.write_text(dumped.stdout)
    argv = [
        "mmdebstrap",
        "--variant=minbase",
        "--mode=root",
        "--format=tar",
        f"--include={','.join(NODE_PACKAGES)}",
        f"--aptopt={settings}",
    ]
    env = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "SOURCE_DATE_EPOCH": str(EPOCH),
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
    }
    argv += [*more, _suite(lines), str(target), str(sources)]
    what = f"node image: {len(NODE_PACKAGES)} Debian packages and what they need"
    try:
        run(argv, what=what, progress=progress, log=log, env=env, limit=900)
    except WayClosedError as error:
        hint = f"its log is {log}"
        raise EnvironmentLacksError(Problem("node-packages-failed", str(error), hint=hint)) from None


def _sources() -> tuple[tuple[str, str, str], ...]:
    """Return the sources of Debian that this machine's apt uses: site, release, component."""
    if shutil.which("apt-get") is None:
        return ()
    shape = "$(SITE)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)"
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", shape, "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = {tuple(line.split("|")) for line in done.stdout.splitlines()}
    return tuple(sorted((row[0], row[1], row[2]) for row in rows if len(row) == 4 and row[3] == "Debian"))


def _suite(lines: Iterable[tuple[str, str, str]]) -> str:
    """Return the release's name: the one without a suffix."""
    return next(
        release for _, release, _ in lines if not re.search(r"-(security|updates|backports)", release)
    )

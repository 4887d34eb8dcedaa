"""What a node image is put together from: files, programs, and the images that a cluster starts with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

import orjson

from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.toolchain.cache import Progress
from sovereign_ai.toolchain.install import find
from sovereign_ai.toolchain.node_image.archive import ArchiveEntry, Image, Layer, write_layer
from sovereign_ai.toolchain.source import go_environment
from sovereign_ai.toolchain.steps import run
from sovereign_ai.toolchain.table import tool

FILES = Path(__file__).parent / "files"
TOOLBOX = Path(__file__).parent / "toolbox"
PROGRAMS: Mapping[str, str] = {
    "kubelet": "usr/bin/kubelet",
    "kubeadm": "usr/bin/kubeadm",
    "kubectl": "usr/bin/kubectl",
    "containerd": "usr/local/bin/containerd",
    "containerd-shim-runc-v2": "usr/local/bin/containerd-shim-runc-v2",
    "ctr": "usr/local/bin/ctr",
    "crictl": "usr/local/bin/crictl",
    "runc": "usr/local/sbin/runc",
    "cni-bridge": "opt/cni/bin/bridge",
    "cni-loopback": "opt/cni/bin/loopback",
    "cni-host-local": "opt/cni/bin/host-local",
    "cni-portmap": "opt/cni/bin/portmap",
}
"""Programs of a node, and where they lie in it."""
SERVERS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
AGENTS = ("kube-proxy", "kube-router")
_WANTED = ("containerd.service", "kubelet.service", "publish-network.service", "publish-network.path")
_MASKED = (
    "systemd-udevd.service",
    "systemd-udev-trigger.service",
    "systemd-logind.service",
    "getty.target",
    "console-getty.service",
    "systemd-modules-load.service",
    "systemd-binfmt.service",
    "proc-sys-fs-binfmt_misc.automount",
    "systemd-timesyncd.service",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "systemd-firstboot.service",
)
"""Units that would reach for what is the machine's and not the node's."""
_MULTI = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")


def toolbox(work: Path, go: Path, progress: Progress) -> Path:
    """Build the program that holds pods and looks around in them.

    Raises:
        WayClosedError: it does not build.
    """
    target = work / "toolbox"
    argv = [str(go), "build", "-trimpath", "-ldflags", "-s -w", "-o", str(target), "."]
    run(
        argv,
        what="toolbox: building from source",
        progress=progress,
        log=work / "toolbox.log",
        cwd=TOOLBOX,
        env=go_environment(),
    )
    return target


def image_names(kubeadm: Path) -> dict[str, str]:
    """Return the images that kubeadm uses for a cluster: the last word of a name to the whole name.

    Raises:
        EnvironmentLacksError: it gives no answer.
    """
    version = f"v{tool('kubeadm').version}"
    done = subprocess.run(
        [str(kubeadm), "config", "images", "list", "--kubernetes-version", version],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"KUBECONFIG": os.devnull},
    )
    names: dict[str, str] = {}
    for line in done.stdout.splitlines():
        name = line.strip()
        if name:
            repository, _, _ = name.rpartition("/")[2].partition(":")
            names[repository] = name
    lacking = sorted({*SERVERS, "kube-proxy", "coredns", "pause"} - names.keys())
    if lacking:
        errors = done.stderr.strip()[-300:]
        message = f"kubeadm names no image for {', '.join(lacking)}: {errors}"
        raise EnvironmentLacksError(Problem("no-image-names", message))
    return names


def cluster_images(
    work: Path, names: Mapping[str, str], tools: Layer, toolbox: Path
) -> tuple[tuple[Image, ...], tuple[Image, ...]]:
    """Return the images of every node, and those of the control plane alone.

    Args:
        work: where layers are written.
        names: their names in kubeadm.
        tools: the tree with iptables and its kin.
        toolbox: the program that holds pods.
    """
    links = [ArchiveEntry(f"usr/sbin/{name}", "xtables-nft-multi") for name in _MULTI]
    box = write_layer(work / "toolbox.tar", [ArchiveEntry("usr/local/bin/toolbox", toolbox, 0o755)])
    multi = write_layer(work / "links.tar", links)
    pause = Image((names["pause"],), (box,), entrypoint=("/usr/local/bin/toolbox", "pause"))
    agents: list[Image] = []
    for name in AGENTS:
        layers = (tools, multi, box, _program(work, name))
        agents.append(Image((names.get(name, ROUTER),), layers, (f"/usr/local/bin/{name}",)))
    coredns = Image((names["coredns"],), (_program(work, "coredns"),), ("/usr/local/bin/coredns",))
    servers: list[Image] = []
    for name in SERVERS:
        servers.append(Image((names[name],), (_program(work, name),)))
    return (pause, *agents, coredns), tuple(servers)


ROUTER = f"sovereign-ai.internal/kube-router:v{tool('kube-router').version}"
"""What our image of kube-router is called; it is never pulled."""


def toolbox_image(work: Path, toolbox: Path, names: Iterable[str] = ()) -> Image:
    """Give the image that probes and tests run."""
    box = write_layer(work / "toolbox.tar", [ArchiveEntry("usr/local/bin/toolbox", toolbox, 0o755)])
    return Image(tuple(names), (box,), entrypoint=("/usr/local/bin/toolbox",), cmd=("pause",))


def overlay(work: Path, names: Mapping[str, str], archives: Mapping[str, Path]) -> Layer:
    """Write the layer of everything that is not Debian's: programs, files, units, images.

    Args:
        work: where the layer is written.
        names: the images' names in kubeadm.
        archives: the image archives, by the name of their file.
    """
    entries = [*_files(names), *units()]
    for name, place in PROGRAMS.items():
        entries.append(ArchiveEntry(place, find(name).resolve(), 0o755))
    for name, path in archives.items():
        entries.append(ArchiveEntry(f"usr/share/sovereign-ai/images/{name}", path))
    entries += [
        ArchiveEntry("etc/containerd/base.json", _base_spec()),
        ArchiveEntry("kind/version", f"v{tool('kubeadm').version}\n".encode()),
        ArchiveEntry("etc/kubernetes/manifests", None, 0o755),
        ArchiveEntry("etc/machine-id", b""),
        ArchiveEntry("usr/sbin/init", "../lib/systemd/systemd"),
    ]
    return write_layer(work / "overlay.tar", entries)


def units() -> list[ArchiveEntry]:
    """Give the links that switch units on and off."""
    here = "etc/systemd/system"
    wanted = [ArchiveEntry(f"{here}/multi-user.target.wants/{name}", f"../{name}") for name in _WANTED]
    masked = [ArchiveEntry(f"{here}/{name}", "/dev/null") for name in _MASKED]
    return [
        *wanted,
        *masked,
        ArchiveEntry(f"{here}/default.target", "/usr/lib/systemd/system/multi-user.target"),
    ]


def _base_spec() -> bytes:
    """Return containerd's default specification of a container, without resource limits."""
    # Not every machine permits a container to raise its limits.
    done = subprocess.run([str(find("ctr")), "oci", "spec"], capture_output=True, check=True)
    spec = orjson.loads(done.stdout)
    spec["process"].pop("rlimits", None)
    return orjson.dumps(spec, option=orjson.OPT_SORT_KEYS)


def _files(names: Mapping[str, str]) -> list[ArchiveEntry]:
    """Give the static files, with the images' names put in."""
    words = {b"@PAUSE@": names["pause"].encode(), b"@KUBE_ROUTER@": ROUTER.encode()}
    found = []
    for path in sorted(FILES.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            for word, name in words.items():
                content = content.replace(word, name)
            place = str(path.relative_to(FILES))
            found.append(ArchiveEntry(place, content, 0o755 if "bin/" in place else 0o644))
    return found


def _program(work: Path, name: str) -> Layer:
    """Give the layer of one program."""
    return write_layer(
        work / f"{name}.tar", [ArchiveEntry(f"usr/local/bin/{name}", find(name).resolve(), 0o755)]
    )

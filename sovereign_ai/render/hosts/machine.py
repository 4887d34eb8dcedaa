"""What a machine's roles are told: kernel, runtime, kubelet, GPU driver, storage mounts; a pool's share once, a machine's own apart.

Choices of ours, where no source speaks: one GiB of 2-MiB pages a fabric port, for registered buffers; the rest follows what
kubelets and several ports in one segment need.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import yaml

from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.catalog.systems import System, system
from sovereign_ai.names import KEYS, label_value
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.nodes import Node
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.render.hosts.drivers import DRIVERS, pinned
from sovereign_ai.render.hosts.given import Given
from sovereign_ai.render.switches.ports import rail_addresses
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.toolchain.table import tool

PAGES_A_PORT = 512
"""2-MiB pages a fabric port: one GiB."""
KERNEL = {
    "fs.inotify.max_user_instances": "8192",
    "fs.inotify.max_user_watches": "1048576",
    "fs.protected_hardlinks": "1",
    "fs.protected_symlinks": "1",
    "kernel.dmesg_restrict": "1",
    "kernel.keys.root_maxbytes": "25000000",
    "kernel.keys.root_maxkeys": "1000000",
    "kernel.kptr_restrict": "2",
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",
    "kernel.unprivileged_bpf_disabled": "1",
    "net.core.somaxconn": "4096",
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.all.accept_source_route": "0",
    "net.ipv4.conf.all.arp_announce": "2",
    "net.ipv4.conf.all.arp_ignore": "1",
    "net.ipv4.conf.all.rp_filter": "2",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv6.conf.all.accept_ra": "0",
    "net.ipv6.conf.all.accept_redirects": "0",
    "vm.overcommit_memory": "1",
    "vm.panic_on_oom": "0",
    "vm.swappiness": "1",
}
"""What a kubelet that protects kernel defaults asks for, several ports in one segment, and no more openness than is needed."""
POD_KERNEL = {"net.ipv4.ip_forward": "1", "net.bridge.bridge-nf-call-iptables": "1", "net.bridge.bridge-nf-call-ip6tables": "1"}
"""What the pod network needs; the bridge's two are there once `br_netfilter` is loaded."""


def kernel_words(machine: System) -> tuple[str, ...]:
    """Give the words of the kernel's command line: devices straight to memory, pages set aside, no moving of pages behind a pinned pod."""
    pages = (machine.compute_nics + (machine.storage_nics or 0)) * PAGES_A_PORT
    iommu = ("iommu.passthrough=1",) if machine.cpu_arch == "arm64" else ("intel_iommu=on", "iommu=pt")
    return (*iommu, "numa_balancing=disable", "transparent_hugepage=madvise", "hugepagesz=2M", f"hugepages={pages}")


def pool_variables(factory: AIFactory, plan: Plan, given: Given, pool: GpuNodePool) -> dict[str, Any]:
    """Give what the machines of a pool share."""
    machine = system(pool.system)
    return {
        "kernel_words": list(kernel_words(machine)),
        "kernel_parameters": KERNEL,
        "pod_kernel_parameters": POD_KERNEL,
        "gpu": _gpu(pool, machine),
        "kubernetes_version": tool("kube-apiserver").version,
        "registry_files": _registries(factory),
        "sandbox_image": f"{factory.images.registries[0]}/{given.sandbox_image}" if factory.images.registries else given.sandbox_image,
        **_storage(plan, [one for one in plan.storage if one.zone == pool.zone and one.site == pool.site]),
    }


def _registries(factory: AIFactory) -> list[dict[str, str]]:
    """Give containerd's hosts files: the listed registries, and for all others a server that is none."""
    names = sorted({one.partition("/")[0] for one in factory.images.registries})
    text = {name: f'server = "https://{name}"\n' for name in names}
    text["_default"] = '# What is not listed has no server, and cannot be pulled.\nserver = "https://127.0.0.1:1"\n'
    return [{"path": f"/etc/containerd/certs.d/{name}/hosts.toml", "content": one} for name, one in sorted(text.items())]


def _gpu(pool: GpuNodePool, machine: System) -> dict[str, Any]:
    """Give the driver of a pool's accelerators."""
    vendor = accelerator(machine.accelerator).vendor
    driver = DRIVERS[vendor]
    version = pinned(vendor, pool.driver)
    pins = "".join(f"Package: {name}\nPin: version {version}\nPin-Priority: 1001\n\n" for name in driver.pinned)
    return {
        "vendor": vendor,
        "pci": driver.pci,
        "count": machine.gpus,
        "driver": pool.driver,
        "packages": [f"{name}={version}" if name in driver.pinned else name for name in driver.packages],
        "pins": pins,
        "modprobe": driver.modprobe,
        "runtime": driver.runtime,
        "program": driver.program,
        "mig": pool.mig or "",
    }


def _storage(plan: Plan, tiers: Sequence[StoragePlan]) -> dict[str, Any]:
    """Give the tiers that a pool may claim: where each is, and for NFS a mount that waits until it is used."""
    files: list[dict[str, str]] = []
    mounts, others = [], []
    for tier in tiers:
        planes = [plane for plane in plan.fabrics if plane.role == "storage" and plane.site == tier.site and plane.kind != "infiniband"]
        found = [(host, address) for plane in planes for (host, _), address in rail_addresses(plan, plane).items()]
        servers = {server: [address for host, address in found if host == server] for server in tier.servers}
        data = {"tier": tier.tier, "protocol": tier.protocol, "read": tier.per_node_read, "write": tier.per_node_write, "servers": servers}
        text = orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"
        files.append({"path": f"/etc/sovereign/storage/{tier.tier}.json", "content": text})
        first = next((addresses[0] for addresses in servers.values() if addresses), "")
        if tier.protocol == "nfs" and first:
            files += [{"path": f"/etc/systemd/system/{name}", "content": text} for name, text in _mount(tier.tier, first).items()]
            mounts.append(f"{unit_name(tier.tier)}.automount")
        elif tier.protocol in ("parallel", "nfs"):
            others.append(tier.tier)
    return {"storage_files": files, "storage_mounts": mounts, "storage_others": others}


def unit_name(tier: str) -> str:
    r"""Give systemd's name of the mount point `/srv/<tier>`: a hyphen in it is written `\x2d`."""
    return "srv-" + tier.replace("-", r"\x2d")


def _mount(tier: str, address: str) -> dict[str, str]:
    """Write the units of an NFS tier: the mount, and what mounts it once it is used."""
    options = "vers=4.2,proto=tcp,nconnect=8,hard,noatime,nodev,nosuid,_netdev"
    name, about, where = unit_name(tier), f"[Unit]\nDescription=Storage tier {tier}\n\n", f"Where=/srv/{tier}\n"
    return {
        f"{name}.mount": f"{about}[Mount]\nWhat={address}:/{tier}\n{where}Type=nfs4\nOptions={options}\nTimeoutSec=30\n",
        f"{name}.automount": f"{about}[Automount]\n{where}TimeoutIdleSec=600\n\n[Install]\nWantedBy=remote-fs.target\n",
    }


def node_variables(factory: AIFactory, given: Given, node: Node, rails: Mapping[str, str]) -> dict[str, Any]:
    """Give what is a machine's own."""
    endpoint = given.control_planes.get(node.cluster, "")
    return {
        "bmc": node.bmc,
        "node_address": node.address,
        "rail_files": [{"path": path, "content": text} for path, text in sorted(rails.items())],
        "join": join(factory, node, endpoint) if endpoint else "",
        "control_plane": endpoint,
    }


def join(factory: AIFactory, node: Node, endpoint: str) -> str:
    """Write what `kubeadm join --config` reads. The discovery file, which holds the token, is brought by an administrator.

    A kubelet may not say in which zone or under which law it stands: the control plane's controller does.
    """
    labels = {KEYS.factory: factory.name, KEYS.pool: node.pool, KEYS.rack: node.rack, KEYS.hall: node.hall}
    labels |= {"topology.kubernetes.io/region": node.region, "topology.kubernetes.io/zone": node.hall}
    labels |= {KEYS.scalable_unit: node.scalable_unit}
    text = ",".join(f"{key}={label_value(value)}" for key, value in sorted(labels.items()))
    arguments = [{"name": "node-labels", "value": text}, {"name": "max-pods", "value": str(factory.clusters.pods_per_node)}]
    if node.address:
        arguments.insert(0, {"name": "node-ip", "value": node.address})
    data = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "JoinConfiguration",
        "discovery": {"file": {"kubeConfigPath": "/etc/kubernetes/discovery.conf"}},
        "nodeRegistration": {
            "name": node.name,
            "criSocket": "unix:///run/containerd/containerd.sock",
            "taints": list(taints(factory, node)),
            "kubeletExtraArgs": arguments,
        },
    }
    return f"# joins {endpoint}\n" + yaml.safe_dump(data, sort_keys=True, width=10_000)


def taints(factory: AIFactory, node: Node) -> Iterator[dict[str, str]]:
    """Give the zone's taint where the zone has machines of its own, and the spare's."""
    if factory.zone(node.zone).isolation.nodes == "dedicated":
        yield {"key": KEYS.namespace_zone, "value": node.zone, "effect": "NoSchedule"}
    if node.spare:
        yield {"key": f"{KEYS.domain}/spare", "value": "true", "effect": "NoSchedule"}

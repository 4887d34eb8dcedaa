"""Variables of a node's roles: kernel, container runtime, kubelet, GPU driver, storage mounts.

`pool_variables` returns what the nodes of a pool share, `node_variables` what is a node's own.

One GiB of 2-MiB pages a fabric port, for registered buffers, is this project's own choice. The rest follows
from what kubelets and several ports in one segment need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import yaml

from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.catalog.system import System, system
from sovereign_ai.names import KEYS, label_value
from sovereign_ai.plan import Node, Plan, StoragePlan
from sovereign_ai.render.hosts.site_facts import SiteFacts
from sovereign_ai.render.interop import node_taints
from sovereign_ai.render.switches.ports import rail_addresses
from sovereign_ai.spec import AIFactory, GpuNodePool
from sovereign_ai.toolchain import tool

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
    # A host has several ports in one segment: each answers ARP for its own address alone.
    "net.ipv4.conf.all.arp_announce": "2",
    "net.ipv4.conf.all.arp_ignore": "1",
    # Loose reverse-path filtering: the strict one drops what arrives at another port of the segment.
    "net.ipv4.conf.all.rp_filter": "2",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv6.conf.all.accept_ra": "0",
    "net.ipv6.conf.all.accept_redirects": "0",
    "vm.overcommit_memory": "1",
    "vm.panic_on_oom": "0",
    "vm.swappiness": "1",
}
"""Parameters of a kubelet with protected kernel defaults, of several ports in one segment, and hardening."""
POD_KERNEL = {
    "net.ipv4.ip_forward": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
    "net.bridge.bridge-nf-call-ip6tables": "1",
}
"""Parameters that the pod network needs; the bridge's two exist once `br_netfilter` is loaded."""
_CONTAINERD_HOSTS = "/etc/containerd/certs.d"
_NO_SERVER = (
    "# What is not listed has no server, and cannot be pulled.\n"
    # Nothing listens on port 1, so a pull from an unlisted registry fails at once.
    'server = "https://127.0.0.1:1"\n'
)


def kernel_words(machine: System) -> tuple[str, ...]:
    """Return the words of the kernel's command line.

    Devices reach memory without translation, huge pages are set aside at boot, and the kernel moves no pages
    of a pinned pod between NUMA nodes.
    """
    ports = machine.compute_nics + (machine.storage_nics or 0)
    iommu: tuple[str, ...] = ("intel_iommu=on", "iommu=pt")
    if machine.cpu_arch == "arm64":
        iommu = ("iommu.passthrough=1",)
    return (
        *iommu,
        "numa_balancing=disable",
        "transparent_hugepage=madvise",
        "hugepagesz=2M",
        f"hugepages={ports * PAGES_A_PORT}",
    )


def pool_variables(factory: AIFactory, plan: Plan, given: SiteFacts, pool: GpuNodePool) -> dict[str, Any]:
    """Return the variables that the nodes of a pool share."""
    machine = system(pool.system)
    sandbox_image = given.sandbox_image
    if factory.images.registries:
        first_registry = factory.images.registries[0]
        sandbox_image = f"{first_registry}/{sandbox_image}"
    tiers = [tier for tier in plan.storage if tier.zone == pool.zone and tier.site == pool.site]
    return {
        "kernel_words": list(kernel_words(machine)),
        "kernel_parameters": KERNEL,
        "pod_kernel_parameters": POD_KERNEL,
        "gpu": _gpu_variables(pool, machine),
        "kubernetes_version": tool("kube-apiserver").version,
        "registry_files": _registry_files(factory),
        "sandbox_image": sandbox_image,
        **_storage_variables(plan, tiers),
    }


def as_files(texts: Mapping[str, str]) -> list[dict[str, str]]:
    """Return files as the playbooks write them, sorted by path.

    Args:
        texts: path to the file's text.
    """
    files: list[dict[str, str]] = []
    for path in sorted(texts):
        file = {"path": path, "content": texts[path]}
        files.append(file)
    return files


def _registry_files(factory: AIFactory) -> list[dict[str, str]]:
    """Return containerd's hosts files: one a listed registry, and one that gives all others no server."""
    texts: dict[str, str] = {}
    for registry in factory.images.registries:
        host = registry.partition("/")[0]
        texts[host] = f'server = "https://{host}"\n'
    texts["_default"] = _NO_SERVER
    files: list[dict[str, str]] = []
    for host in sorted(texts):
        path = f"{_CONTAINERD_HOSTS}/{host}/hosts.toml"
        files.append({"path": path, "content": texts[host]})
    return files


def _gpu_variables(pool: GpuNodePool, machine: System) -> dict[str, Any]:
    """Return the variables of the driver of a pool's accelerators."""
    chip = accelerator_of(machine)
    vendor = chip.gpu_vendor if chip else None
    driver = vendor.driver if vendor else None
    if vendor is None or driver is None:
        # A vendor that only a description names: its packages are not known, and the role says so. A machine
        # without accelerators has not the role.
        return {
            "vendor": vendor.name if vendor else "",
            "pci": "",
            "count": machine.gpus,
            "driver": pool.driver,
            "packages": [],
            "pins": "",
            "modprobe": "",
            "runtime": "",
            "program": "",
            "mig": pool.mig or "",
        }
    version = driver.pattern(pool.driver)
    pins = ""
    for name in driver.pinned:
        # Above 1000 apt goes back to the pinned version where a newer one is installed.
        pins += f"Package: {name}\nPin: version {version}\nPin-Priority: 1001\n\n"
    packages: list[str] = []
    for name in driver.packages:
        package = f"{name}={version}" if name in driver.pinned else name
        packages.append(package)
    return {
        "vendor": vendor.name,
        "pci": driver.pci,
        "count": machine.gpus,
        "driver": pool.driver,
        "packages": packages,
        "pins": pins,
        "modprobe": driver.modprobe,
        # Containers get the devices of a vendor without a runtime of its own through containerd's.
        "runtime": vendor.runtime.handler if vendor.runtime else "",
        "program": vendor.runtime.program if vendor.runtime else "",
        "mig": pool.mig or "",
    }


def _storage_variables(plan: Plan, tiers: Iterable[StoragePlan]) -> dict[str, Any]:
    """Return the variables of the tiers that a pool may claim.

    Each tier has a file with its servers; one that Linux mounts has a mount that waits until it is used.
    """
    files: list[dict[str, str]] = []
    mounts: list[str] = []
    others: list[str] = []
    for tier in tiers:
        servers = _server_addresses(plan, tier)
        facts = {
            "tier": tier.tier,
            "protocol": tier.protocol,
            "read": tier.per_node_read,
            "write": tier.per_node_write,
            "servers": servers,
        }
        text = orjson.dumps(facts, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"
        files.append({"path": f"/etc/sovereign/storage/{tier.tier}.json", "content": text})
        address = next((addresses[0] for addresses in servers.values() if addresses), "")
        if tier.protocol.mount_type and address:
            for name, unit in _mount_units(tier, address).items():
                files.append({"path": f"/etc/systemd/system/{name}", "content": unit})
            mounts.append(f"{unit_name(tier.tier)}.automount")
        elif tier.protocol.is_mounted_by_hosts:
            others.append(tier.tier)
    return {"storage_files": files, "storage_mounts": mounts, "storage_others": others}


def _server_addresses(plan: Plan, tier: StoragePlan) -> dict[str, list[str]]:
    """Return each server of a tier with its addresses on Ethernet storage fabrics of its site."""
    servers: dict[str, list[str]] = {}
    for server in tier.servers:
        servers[server] = []
    for plane in plan.fabrics:
        if plane.role != "storage" or plane.site != tier.site or plane.kind == "infiniband":
            continue
        for (host, _), address in rail_addresses(plan, plane).items():
            if host in servers:
                servers[host].append(address)
    return servers


def unit_name(tier: str) -> str:
    r"""Return systemd's name of the mount point `/srv/<tier>`: a hyphen in it is written `\x2d`."""
    return "srv-" + tier.replace("-", r"\x2d")


def _mount_units(tier: StoragePlan, address: str) -> dict[str, str]:
    """Return the systemd units of a tier that Linux mounts: the mount, and what mounts it once it is used."""
    name = unit_name(tier.tier)
    head = f"[Unit]\nDescription=Storage tier {tier.tier}\n\n"
    path = f"Where=/srv/{tier.tier}\n"
    kind = f"Type={tier.protocol.mount_type}\nOptions={tier.protocol.mount_options}\n"
    source = tier.protocol.mount_source(address, tier.tier)
    mount = f"[Mount]\nWhat={source}\n{path}{kind}TimeoutSec=30\n"
    automount = f"[Automount]\n{path}TimeoutIdleSec=600\n\n[Install]\nWantedBy=remote-fs.target\n"
    return {f"{name}.mount": head + mount, f"{name}.automount": head + automount}


def node_variables(
    factory: AIFactory, given: SiteFacts, node: Node, rails: Mapping[str, str]
) -> dict[str, Any]:
    """Return the variables of one node.

    Args:
        factory: the description.
        given: what the plan cannot know.
        node: the node.
        rails: path to text of the files of its rails.
    """
    endpoint = given.control_planes.get(node.cluster, "")
    return {
        "bmc": node.bmc,
        "node_address": node.address,
        "rail_files": as_files(rails),
        "join": join(factory, node, endpoint) if endpoint else "",
        "control_plane": endpoint,
    }


def join(factory: AIFactory, node: Node, endpoint: str) -> str:
    """Return what `kubeadm join --config` reads.

    The discovery file, which holds the token, is brought by an administrator. Labels of zone and jurisdiction
    are not among the kubelet's: the control plane's controller sets them.
    """
    labels = {
        KEYS.factory: factory.name,
        KEYS.pool: node.pool,
        KEYS.rack: node.rack,
        KEYS.hall: node.hall,
        KEYS.scalable_unit: node.scalable_unit,
        "topology.kubernetes.io/region": node.region,
        "topology.kubernetes.io/zone": node.hall,
    }
    pairs: list[str] = []
    for key in sorted(labels):
        value = label_value(labels[key])
        pairs.append(f"{key}={value}")
    arguments = [
        {"name": "node-labels", "value": ",".join(pairs)},
        {"name": "max-pods", "value": str(factory.clusters.pods_per_node)},
    ]
    if node.address:
        arguments.insert(0, {"name": "node-ip", "value": node.address})
    registration = {
        "name": node.name,
        "criSocket": "unix:///run/containerd/containerd.sock",
        "taints": node_taints(factory, node),
        "kubeletExtraArgs": arguments,
    }
    configuration = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "JoinConfiguration",
        "discovery": {"file": {"kubeConfigPath": "/etc/kubernetes/discovery.conf"}},
        "nodeRegistration": registration,
    }
    # The width keeps long lists of labels in one line.
    return f"# joins {endpoint}\n" + yaml.safe_dump(configuration, sort_keys=True, width=10_000)

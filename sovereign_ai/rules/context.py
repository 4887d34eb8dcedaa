"""The context of object rules: what they know of the factory, as plain constants from description and plan.

context = factory_context(factory, plan, "lab")
context.constants()["namespaces"]            # {'research': 'restricted', 'startups': 'open', ...}
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from typing import Any, TypeVar

from sovereign_ai.catalog import expand, public_resolvers, top_level_domains
from sovereign_ai.catalog.vendors import local_runtimes
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, NODE_WRITER, OWNER, SYSTEM_NAMESPACE
from sovereign_ai.plan import (
    ClusterPlan,
    Plan,
    dispatches,
    kubeconfig_head,
    kueue_namespace,
    request_levels,
    workers_of,
)
from sovereign_ai.rules.addons.sending_kinds import BEYOND, EXPORTING
from sovereign_ai.rules.addons.table import ADDONS
from sovereign_ai.rules.image_signatures import signed_digests, signed_registries, signer_rows
from sovereign_ai.rules.placeless_kinds import HARMLESS
from sovereign_ai.rules.places.model_hubs import HUBS
from sovereign_ai.spec import CLUSTER_NAMES, AIFactory, Dns, ResidencyPolicy

_Value = TypeVar("_Value", str, tuple[str, ...], tuple[str, str], tuple[str, str, str])

DNS_NAMESPACE = "kube-system"
"""The namespace in which the cluster's DNS runs."""
DNS_POLICY = "sovereign-cluster-dns"
"""The network policy of the cluster's DNS, where the description says whom it may ask."""
API_SERVERS, API_PORT = "0.0.0.0/0", 6443
"""Where the cluster's DNS reads services and pods: the description states no address of API servers. The port
is the one that kubeadm, RKE2 and OpenShift serve (their documentations, read 2026-11-27)."""
SPARE_TAINT = f"{KEYS.domain}/spare"
"""Taint of spare nodes; no workload may tolerate it."""
SECRET_READERS = ("tenant-admin",)
"""Roles that may read secrets: a tenant's own people, in the tenant's own namespace."""
RUNTIMES = local_runtimes()
"""Handlers of container runtimes that run a pod on the node that it was scheduled to."""
ENCRYPTION_KEY = f"{KEYS.domain}/encryption-key"
"""StorageClass parameter that names the key."""

_REFERENCE = "[A-Za-z0-9._/:-]+"
_DIGEST = "@sha256:[0-9a-f]{64}"
# A name without a dot is resolved below the pod's own namespace, or is `localhost`.
_SHORT_NAME = "[a-z](-*[a-z0-9])*"
# A pod of a headless service in the own namespace. No top-level domain has a digit or a single hyphen in it.
_POD_OF_SERVICE = r"[a-z0-9-]+\.[a-z]+([0-9]|-[a-z0-9])+[a-z]*(-[a-z0-9]+)*"
# Several hosts may be written as one, `minio-{0...3}.minio.a.svc`, or asked for by their service (SRV).
_SERVICE = (
    r"(dns(srv(noa)?)?[+])?(_[a-z0-9-]+\.){0,2}"
    r"[a-z0-9]([a-z0-9.-]*([{][0-9]+[.]{2,3}[0-9]+[}][a-z0-9.-]*)?[a-z0-9])?\.svc(\.cluster\.local)?[.]?"
)
# A server that listens on all addresses (`0.0.0.0`, `[::]`, `*`, .NET's `+`) names no other host. Charts for
# IPv4 and IPv6 write the node's address, which stands as `localhost` here, in brackets (`[$(HOST_IP)]:9100`).
_LOCAL_HOSTS = (
    # In fewer parts, or as one number, 127.0.0.1 is the same (inet_aton(3)), or a name that nobody has.
    r"127(\.[0-9]{1,8}){1,3}",
    r"2130706433|0[xX]7[fF]000001",
    r"\[(::1?|localhost)\]",
    r"\[?0\.0\.0\.0\]?",
    r"[*+]",
    _SHORT_NAME,
    _POD_OF_SERVICE,
    _SERVICE,
)
_DNS_PROTOCOLS = ("TCP", "UDP")


@frozen_dataclass
class Context:
    """The constants that object rules compare with; hashable, sorted, free of anything a tenant can edit.

    Attributes:
        factory: the factory's name.
        namespaces: namespace to its zone; the system namespace has none and maps to the empty text.
        jurisdictions: zone to the countries in which its pods may run.
        classes: storage class to the zone whose claims it serves.
        class_regions: storage class to the regions in which its volumes may lie.
        class_keys: storage class to the key that encrypts it.
        class_drivers: storage class to the CSI driver that makes its volumes, where one is described.
        class_servers: storage class to the addresses in its described parameters that are on storage fabrics.
        regions: every region in which volumes may lie.
        openings: what network policies may open, as `zone:a>zone:b/TCP/8443`.
        registries: prefixes of permitted images; each ends with the slash that is its path boundary.
        image: regular expression that a permitted image matches whole.
        signed_registries: registries, as in `registries`, whose images a declared signer must have signed.
        signers: name and registries of each signer; the empty text stands for all registries.
        dns_zones: names that the cluster's DNS answers or passes on; empty if nothing is declared of it.
        dns_names: names that it may pass on, each with all names below it.
        network_accounts: user names of the network plugin's service accounts that the description lists.
        dns_resolvers: to whom, in each form that a Corefile may state an address in.
        signatures: signer and digest of each verified signature, as `release/sha256:…`.
        tenants: namespace to its tenant; the system namespace has none.
        partitioned: zones with a part of the fabrics of their own.
        laws: region to the country whose law applies there.
        residency_zones: zones that a residency policy is on.
        allowed_kinds: zone and `group/Kind` that its policies list; without a zone, what all policies list.
        outside: zone and the address ranges and hosts of its gateways.
        ranges: zone, port such as `TCP/443`, and address range that a network policy may open.
        buckets: zone and the URL of its own object stores' buckets.
        local: regular expression of the hosts that are inside the cluster or a declared registry's.
        request_levels: name and shares of each priority level of the API server for a tenant or the platform.
        request_flows: name of each such level, followed by those whose requests it is for.
        runtimes: handlers of container runtimes that run a pod on its own node.
        sent: namespace, queue and worker cluster of work that this cluster's Kueue sends to others.
        kubeconfigs: each of these workers, and how the Secret with its kubeconfig begins, in base64.
        queueing: the namespace of that Kueue, with these Secrets; empty where it sends nothing.
    """

    factory: str
    namespaces: tuple[tuple[str, str], ...]
    jurisdictions: tuple[tuple[str, tuple[str, ...]], ...]
    classes: tuple[tuple[str, str], ...]
    class_regions: tuple[tuple[str, tuple[str, ...]], ...]
    class_keys: tuple[tuple[str, str], ...]
    class_drivers: tuple[tuple[str, str], ...]
    class_servers: tuple[tuple[str, tuple[str, ...]], ...]
    regions: tuple[str, ...]
    openings: tuple[str, ...]
    registries: tuple[str, ...]
    image: str
    tenants: tuple[tuple[str, str], ...] = ()
    partitioned: tuple[str, ...] = ()
    laws: tuple[tuple[str, str], ...] = ()
    residency_zones: tuple[str, ...] = ()
    allowed_kinds: tuple[tuple[str, str], ...] = ()
    outside: tuple[tuple[str, str], ...] = ()
    ranges: tuple[tuple[str, str, str], ...] = ()
    buckets: tuple[tuple[str, str], ...] = ()
    local: str = ""
    request_levels: tuple[tuple[str, str], ...] = ()
    request_flows: tuple[tuple[str, ...], ...] = ()
    runtimes: tuple[str, ...] = RUNTIMES
    signed_registries: tuple[str, ...] = ()
    signers: tuple[tuple[str, ...], ...] = ()
    signatures: tuple[str, ...] = ()
    dns_zones: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    dns_resolvers: tuple[str, ...] = ()
    network_accounts: tuple[str, ...] = ()
    sent: tuple[tuple[str, str, str], ...] = ()
    kubeconfigs: tuple[tuple[str, str], ...] = ()
    queueing: str = ""

    def constants(self) -> dict[str, Any]:
        """Return the value of each `$name` that an expression may use, as plain data."""
        constants = dict(_fixed_constants())
        constants["factory"] = self.factory
        constants["image"] = self.image
        constants["local"] = self.local
        # Mappings of names to one value, to several, and lists, as the expressions index them.
        constants["namespaces"] = dict(self.namespaces)
        constants["classes"] = dict(self.classes)
        constants["class_keys"] = dict(self.class_keys)
        constants["class_drivers"] = dict(self.class_drivers)
        constants["tenants"] = dict(self.tenants)
        constants["laws"] = dict(self.laws)
        constants["jurisdictions"] = _with_lists(self.jurisdictions)
        constants["class_regions"] = _with_lists(self.class_regions)
        constants["class_servers"] = _with_lists(self.class_servers)
        constants["regions"] = list(self.regions)
        constants["openings"] = list(self.openings)
        constants["registries"] = list(self.registries)
        constants["signed_registries"] = list(self.signed_registries)
        constants["signers"] = _as_lists(self.signers)
        constants["signatures"] = list(self.signatures)
        constants["dns_zones"] = list(self.dns_zones)
        constants["dns_names"] = list(self.dns_names)
        constants["dns_resolvers"] = list(self.dns_resolvers)
        constants["network_accounts"] = list(self.network_accounts)
        constants["sent"] = _as_lists(self.sent)
        constants["kubeconfigs"] = dict(self.kubeconfigs)
        constants["queueing"] = self.queueing
        constants["partitioned"] = list(self.partitioned)
        constants["residency_zones"] = list(self.residency_zones)
        constants["runtimes"] = list(self.runtimes)
        constants["allowed_kinds"] = _as_lists(self.allowed_kinds)
        constants["outside"] = _as_lists(self.outside)
        constants["ranges"] = _as_lists(self.ranges)
        constants["buckets"] = _as_lists(self.buckets)
        constants["request_levels"] = _as_lists(self.request_levels)
        constants["request_flows"] = _as_lists(self.request_flows)
        return constants

    def is_empty(self, constant: str) -> bool:
        """Return whether a constant holds nothing, so that a rule about it refuses nothing."""
        return bool(constant) and not getattr(self, constant)

    def zone_of(self, namespace: str) -> str:
        """Return the zone of a namespace; empty if it has none."""
        return dict(self.namespaces).get(namespace, "")


@cache
def _fixed_constants() -> Mapping[str, Any]:
    """Return the constants that are the same for every factory."""
    harmless = {f"{kind.api_group}/{kind.kind}" for kind in HARMLESS}
    return {
        "known_kinds": sorted(harmless.union(ADDONS)),
        "exporting": list(EXPORTING),
        "beyond": list(BEYOND),
        "domain": KEYS.domain,
        "applied": "kubectl.kubernetes.io/last-applied-configuration",
        "public_domains": f" {' '.join(top_level_domains())} ",
        "public_resolver": _public_resolver_pattern(),
        "machine_writer": NODE_WRITER,
        "restricted": f"{KEYS.restricted}/",
        "component_key": KEYS.component,
        "pool_key": KEYS.pool,
        "factory_key": KEYS.factory,
        "owner_key": KEYS.owner,
        "owner": OWNER,
        "system": SYSTEM_NAMESPACE,
        "secret_readers": list(SECRET_READERS),
        "zone_key": KEYS.zone,
        "jurisdiction_key": KEYS.jurisdiction,
        "namespace_zone": KEYS.namespace_zone,
        "zone_taint": KEYS.namespace_zone,
        "spare_taint": SPARE_TAINT,
        "encryption_key": ENCRYPTION_KEY,
    }


def _public_resolver_pattern() -> str:
    """Return the regular expression of public resolvers, by name and IPv4 address, and of hubs of models.

    Both are known without a word that says what they are. Addresses of IPv6 are left out: rules that read
    addresses permit none of them.
    """
    addresses: list[str] = []
    names = [HUBS]
    for service in public_resolvers():
        addresses += [re.escape(address) for address in service.addresses if ":" not in address]
        names += [name.replace(".", "[.]") for name in service.names]
    of_names = f"(?:[a-z0-9-]+[.])*(?:{'|'.join(sorted(names))})"
    return f"(?i)^(?:{of_names}|{'|'.join(sorted(addresses))})[.]?$"


def _as_lists(rows: Iterable[tuple[str, ...]]) -> list[list[str]]:
    """Return rows as lists, which is how CEL literals write them."""
    return [list(row) for row in rows]


def _with_lists(rows: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, list[str]]:
    """Return rows of a name and several values as a mapping."""
    return {name: list(values) for name, values in rows}


def factory_context(factory: AIFactory, plan: Plan, cluster: str | None = None) -> Context:
    """Return the constants for one cluster, or for all of them together.

    Args:
        factory: the description.
        plan: what follows from it.
        cluster: the cluster's name; None for all.

    Raises:
        KeyError: the plan has no such cluster.
    """
    clusters = plan.clusters if cluster is None else (plan.cluster(cluster),)
    permitted = {zone.name: permitted_jurisdictions(factory, zone.name) for zone in factory.zones}
    regions = {cluster_plan.region: cluster_plan.jurisdiction for cluster_plan in clusters}
    classes = sorted(_storage_classes(plan, clusters))
    namespaces, tenants = _namespaces(clusters)
    isolated = [zone.name for zone in factory.zones if zone.isolation.fabric != "none"]
    under_policies = [zone.name for zone in factory.zones if _policies_on(factory, zone.name)]
    sent = _ordered(_sent(factory, plan, cluster))
    levels = [level for cluster_plan in clusters for level in request_levels(cluster_plan)]
    # With the slash, `registry.example.com/ai` is no prefix of `registry.example.com/ai-evil`.
    registries = [f"{registry.rstrip('/')}/" for registry in factory.images.registries]
    return Context(
        factory=factory.name,
        namespaces=_ordered(namespaces.items()),
        jurisdictions=_jurisdictions(permitted, set(regions.values())),
        classes=tuple((name, zone) for name, zone, _ in classes),
        class_regions=_class_regions(classes, permitted, regions),
        class_keys=tuple((name, key) for name, _, key in classes),
        class_drivers=_ordered(_class_drivers(factory, {name for name, _, _ in classes})),
        class_servers=tuple(_class_servers(factory, plan, {part.site for part in clusters})),
        regions=_regions_of_data(permitted, regions),
        openings=_ordered(_openings(factory)),
        registries=tuple(sorted(registries)),
        tenants=_ordered(tenants),
        partitioned=_ordered(isolated),
        laws=_ordered(regions.items()),
        residency_zones=_ordered(under_policies),
        allowed_kinds=_ordered(_allowed_kinds(factory)),
        outside=_ordered(_places_outside(factory)),
        ranges=_ordered(_ranges(factory)),
        buckets=tuple(sorted(_buckets(plan))),
        request_levels=_ordered((level.name, str(level.shares)) for level in levels),
        request_flows=_ordered((level.name, *level.subjects) for level in levels),
        local=_local_hosts(factory.images.registries),
        image=_image_pattern(factory),
        signed_registries=signed_registries(factory.images),
        signers=signer_rows(factory.images),
        signatures=signed_digests(factory.images),
        dns_zones=_dns_zones(factory.dns),
        dns_names=_ordered(factory.dns.names) if factory.dns else (),
        dns_resolvers=_dns_resolvers(factory.dns),
        network_accounts=_ordered(_network_accounts(factory)),
        sent=sent,
        kubeconfigs=_ordered(_kubeconfigs(factory, {worker for _, _, worker in sent})),
        queueing=kueue_namespace(factory) if sent else "",
    )


def _ordered(values: Iterable[_Value]) -> tuple[_Value, ...]:
    """Return distinct values, sorted: a rendered policy must not depend on the order of the description."""
    return tuple(sorted(set(values)))


def permitted_jurisdictions(factory: AIFactory, zone: str) -> frozenset[str]:
    """Return the countries of sites that every residency policy on a zone permits."""
    countries = frozenset(site.country for site in factory.sites)
    for policy in _policies_on(factory, zone):
        countries &= expand(policy.within)
    return countries


def _policies_on(factory: AIFactory, zone: str) -> list[ResidencyPolicy]:
    """Return the residency policies on a zone; a policy that names no zone is on all of them."""
    return [policy for policy in factory.residency if not policy.zones or zone in policy.zones]


def _namespaces(clusters: Iterable[ClusterPlan]) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Return namespace to zone, and pairs of namespace and tenant, of all clusters."""
    zones = {SYSTEM_NAMESPACE: ""}
    tenants = set()
    for cluster in clusters:
        for namespace in cluster.namespaces:
            zones[namespace.name] = namespace.zone
            tenants.add((namespace.name, namespace.tenant))
    return zones, tenants


def _jurisdictions(
    permitted: dict[str, frozenset[str]], countries: set[str]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return zone to the countries of the clusters in which its data may be, sorted."""
    rows = {}
    for zone, permitted_countries in permitted.items():
        rows[zone] = tuple(sorted(permitted_countries & countries))
    return tuple(sorted(rows.items()))


def _class_drivers(factory: AIFactory, classes: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield storage class and CSI driver of each tier with one, of some classes."""
    for tier in factory.storage:
        if tier.csi is not None and tier.name in classes:
            yield tier.name, tier.csi.driver


def _class_servers(
    factory: AIFactory, plan: Plan, sites: Collection[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield storage class and the addresses in its parameters that are on storage fabrics of some sites."""
    for tier in factory.storage:
        named: set[str] = set()
        for value in tier.csi.parameters.values() if tier.csi is not None else ():
            named.update(text.strip() for text in value.split(","))
        addresses = sorted(filter(_is_address, named))
        # Fabrics take a while to derive, and few classes name an address.
        if addresses:
            ranges = _storage_ranges(plan, sites)
            yield tier.name, tuple(text for text in addresses if _is_within(text, ranges))


def _storage_ranges(plan: Plan, sites: Collection[str]) -> list[IPv4Network]:
    """Return the ranges from which hosts on storage fabrics of some sites have their addresses."""
    planes = {plane.name for plane in plan.fabrics if plane.role == "storage" and plane.site in sites}
    rails = [prefix for prefix in plan.prefixes if prefix.use == "rail" and prefix.owner in planes]
    return [IPv4Network(prefix.cidr) for prefix in rails]


def _is_within(address: str, ranges: Iterable[IPv4Network]) -> bool:
    """Return whether an address is in one of some ranges."""
    return any(IPv4Address(address) in inside for inside in ranges)


def _is_address(text: str) -> bool:
    """Return whether a text is an IPv4 address."""
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _class_regions(
    classes: Iterable[tuple[str, str, str]], permitted: dict[str, frozenset[str]], regions: dict[str, str]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return storage class to the regions where its zone's data may be."""
    rows = []
    for name, zone, _ in classes:
        own_regions = [region for region, country in regions.items() if country in permitted[zone]]
        rows.append((name, tuple(sorted(own_regions))))
    return tuple(rows)


def _regions_of_data(permitted: dict[str, frozenset[str]], regions: dict[str, str]) -> tuple[str, ...]:
    """Return the regions where the data of at least one zone may be, sorted."""
    countries: set[str] = set()
    countries = countries.union(*permitted.values())
    return tuple(sorted(region for region, country in regions.items() if country in countries))


def _allowed_kinds(factory: AIFactory) -> Iterator[tuple[str, str]]:
    """Yield zone and kind for each kind that every policy on the zone lists.

    Without a zone are the kinds that all policies list: they apply to objects outside namespaces.
    """
    for key in _kinds_of_all(factory.residency):
        yield "", key
    for zone in factory.zones:
        for key in _kinds_of_all(_policies_on(factory, zone.name)):
            yield zone.name, key


def _kinds_of_all(policies: Iterable[ResidencyPolicy]) -> set[str]:
    """Return the kinds, as `group/Kind`, that every policy lists; none without any policy."""
    common: set[str] | None = None
    for policy in policies:
        listed = {f"{kind.group}/{kind.kind}" for kind in policy.allowed_kinds}
        common = listed if common is None else common & listed
    return common or set()


def _places_outside(factory: AIFactory) -> Iterator[tuple[str, str]]:
    """Yield zone and address range or host at the other end of each of its gateways."""
    for gateway in factory.gateways:
        for zone in gateway.zones:
            for place in (*gateway.addresses, *gateway.hosts):
                yield zone, place


def _ranges(factory: AIFactory) -> Iterator[tuple[str, str, str]]:
    """Yield zone, port and address range that a network policy of the zone may open.

    The zone `?` is that of the cluster's DNS, which is in none.
    """
    if factory.dns is not None:
        yield "?", f"TCP/{API_PORT}", API_SERVERS
        for resolver in factory.dns.resolvers:
            length = ipaddress.ip_address(resolver.address).max_prefixlen
            for protocol in _DNS_PROTOCOLS:
                yield "?", f"{protocol}/53", f"{resolver.address}/{length}"
    for gateway in factory.gateways:
        for zone in gateway.zones:
            for address_range in gateway.addresses:
                for port in gateway.ports:
                    yield zone, f"TCP/{port}", address_range


def _network_accounts(factory: AIFactory) -> Iterator[str]:
    """Yield the user name of each service account of a network plugin that the description lists."""
    listed = factory.platform.network_accounts if factory.platform is not None else ()
    for account in listed:
        namespace, _, name = account.partition("/")
        yield f"system:serviceaccount:{namespace}:{name}"


def _sent(factory: AIFactory, plan: Plan, cluster: str | None) -> Iterator[tuple[str, str, str]]:
    """Yield namespace, queue and worker of work that is sent from a cluster; None for all clusters."""
    if cluster not in {None, factory.name}:
        return
    for dispatch in dispatches(factory, plan.clusters):
        for namespace in dispatch.namespaces:
            for worker in dispatch.workers:
                yield namespace.name, dispatch.queue, worker


def _kubeconfigs(factory: AIFactory, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the name of each of some workers, and how its kubeconfig begins, in base64."""
    for worker in workers_of(factory):
        if worker.cluster in names:
            yield worker.cluster, base64.b64encode(kubeconfig_head(worker.server).encode()).decode()


def _dns_zones(dns: Dns | None) -> tuple[str, ...]:
    """Return the names that the cluster's DNS answers or passes on; none where nothing is declared."""
    return _ordered((*CLUSTER_NAMES, *dns.names)) if dns is not None else ()


def _dns_resolvers(dns: Dns | None) -> tuple[str, ...]:
    """Return the declared resolvers, each in every form in which a Corefile may state it."""
    forms: list[str] = []
    for resolver in dns.resolvers if dns is not None else ():
        host = f"[{resolver.address}]" if ":" in resolver.address else resolver.address
        forms += [resolver.address, f"{host}:53", f"dns://{host}", f"dns://{host}:53"]
    return _ordered(forms)


def _buckets(plan: Plan) -> list[tuple[str, str]]:
    """Return zone and URL of each tier that programs reach by a URL, such as an object store's bucket."""
    buckets = []
    for store in plan.storage:
        scheme = store.protocol.uri_scheme
        if scheme:
            buckets.append((store.zone, f"{scheme}://{store.tier}"))
    return buckets


def _image_pattern(factory: AIFactory) -> str:
    """Return the regular expression of a permitted image reference."""
    if factory.images.digests == "required":
        return f"^{_REFERENCE}{_DIGEST}$"
    return f"^{_REFERENCE}({_DIGEST})?$"


def _local_hosts(registries: Iterable[str]) -> str:
    """Return the regular expression of permitted hosts, with or without a port.

    These are hosts inside the cluster, loopback, and the hosts of declared registries.
    """
    hosts = set()
    for registry in registries:
        host = registry.partition("/")[0].partition(":")[0]
        # Outside a class a hyphen is itself: only Python escapes it.
        hosts.add(re.escape(host).replace(r"\-", "-"))
    alternatives = "|".join((*_LOCAL_HOSTS, *sorted(hosts)))
    # Of whom a server answers (CORS), the port may be any.
    return f"^({alternatives})(:([0-9]{{1,5}}|[*]))?$"


def _storage_classes(plan: Plan, clusters: Iterable[ClusterPlan]) -> set[tuple[str, str, str]]:
    """Return name, zone and key of every storage class of some clusters."""
    sites = {cluster.site for cluster in clusters}
    classes = set()
    for system in plan.storage:
        if system.site in sites and system.protocol.has_storage_class:
            classes.add((system.tier, system.zone, system.key))
    return classes


def _openings(factory: AIFactory) -> Iterable[str]:
    """Yield every opening that the description declares, and DNS for zones and the system namespace."""
    zones = [zone.name for zone in factory.zones]
    for name in ("", *zones):
        for protocol in _DNS_PROTOCOLS:
            yield f"zone:{name}>namespace:{DNS_NAMESPACE}/{protocol}/53"
    for zone in factory.zones:
        for flow in zone.allow:
            if flow.never:
                continue
            for port in flow.ports:
                yield f"zone:{zone.name}>zone:{flow.to}/{flow.protocol}/{port}"
    for name, port_and_protocol, address_range in _ranges(factory):
        yield f"zone:{name}>cidr:{address_range}/{port_and_protocol}"

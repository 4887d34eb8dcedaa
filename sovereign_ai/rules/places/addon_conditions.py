"""Conditions that the kinds of one add-on have, as CEL.

Of Cilium, Istio, the Gateway API, the Prometheus operator, and Argo CD.
"""

from __future__ import annotations

from collections.abc import Sequence

from sovereign_ai.rules.cel.literals import literal

_CILIUM_WIDE = ("reserved", "k8s:io.cilium", "any:io.cilium", "io.cilium", "cilium.io")
"""Prefixes of labels that select hosts, the world or other clusters."""


def cilium_own(value: str) -> str:
    """Return CEL: labels select pods of the own namespace and cluster.

    A label of another namespace widens the selection.
    """
    is_narrow = " && ".join(f'!k.startsWith("{prefix}")' for prefix in _CILIUM_WIDE)
    is_own = f'(!k.endsWith("io.kubernetes.pod.namespace") || {value}[k] == object.metadata.namespace)'
    # Labels of other sources, such as `cidr:` and `fqdn:`, are not those of pods.
    is_of_pods = '(!k.contains(":") || k.startsWith("k8s:") || k.startsWith("any:"))'
    return f"{value}.all(k, {is_narrow} && {is_of_pods} && {is_own})"


_CILIUM_DNS = {
    "io.kubernetes.pod.namespace": "kube-system",
    "k8s:io.kubernetes.pod.namespace": "kube-system",
    "k8s-app": "kube-dns",
    "k8s:k8s-app": "kube-dns",
}
"""Labels of the pods that answer for the cluster's names, as Cilium's own policies for them write these."""


def cilium_egress(value: str) -> str:
    """Return CEL: a rule of a Cilium policy leads to pods of the own namespace, or to the cluster's DNS."""
    own = f"({value}.toEndpoints.all(e, !has(e.matchLabels) || {cilium_own('e.matchLabels')}))"
    labels = literal(_CILIUM_DNS)
    is_dns = (
        f"has(e.matchLabels) && e.matchLabels.all(k, k in {labels} && {labels}[k] == e.matchLabels[k])"
        ' && e.matchLabels.exists(k, k.endsWith("k8s-app"))'
        ' && e.matchLabels.exists(k, k.endsWith("namespace"))'
    )
    # A range of ports begins at its first.
    is_port = 'p.ports.all(n, n.port == "53" && !has(n.endPort))'
    are_ports = f"{value}.toPorts.all(p, has(p.ports) && size(p.ports) > 0 && {is_port})"
    has_ports = f"has({value}.toPorts) && size({value}.toPorts) > 0 && {are_ports}"
    to_dns = f"({has_ports} && {value}.toEndpoints.all(e, {is_dns}))"
    return f"(!has({value}.toEndpoints) || {value}.toEndpoints == null || {own} || {to_dns})"


# Cilium applies a rule that has ports or ICMP types and no peers to every address.
_CILIUM_PEERS = ("toEndpoints", "toCIDR", "toCIDRSet", "fromEndpoints")


def calico_own(value: str, words: Sequence[str]) -> str:
    """Return CEL: a rule of Calico narrows, or its peers are pods of the own namespace.

    Without a selector of namespaces Calico looks for a peer's pods in the policy's own.

    Args:
        value: expression of the rule.
        words: the field of the peers.
    """
    peer = f"{value}.{words[0]}"
    is_own = f'{peer}.all(k, k in ["selector", "ports"]) && has({peer}.selector) && {peer}.selector != ""'
    is_narrow = f'{value}.action in ["Deny", "Log"]'
    has_peer = f"has({peer}) && {peer} != null"
    is_allowed = f'{value}.action == "Allow"'
    return f"({is_narrow} || ({is_allowed} && {has_peer} && {is_own}))"


def cilium_peer(value: str) -> str:
    """Return CEL: a rule of a Cilium policy is empty, which permits nothing, or names peers."""
    peers = (f"(has({value}.{name}) && size({value}.{name}) > 0)" for name in _CILIUM_PEERS)
    return f"(size({value}) == 0 || {' || '.join(peers)})"


_EXPORTS_TO_OWN = '(has({0}.exportTo) && size({0}.exportTo) > 0 && {0}.exportTo.all(x, x == "."))'
_IS_OWN_HOST = (
    '((!{0}.contains(".") && {0} != "*") || {0}.endsWith("." + object.metadata.namespace)'
    ' || {0}.contains("." + object.metadata.namespace + ".svc"))'
)


def own_mesh(value: str) -> str:
    """Return CEL: a configuration of Istio takes effect in the own namespace only.

    Without `exportTo` it does in every namespace of the mesh, unless the mesh has another default.
    """
    return _EXPORTS_TO_OWN.format(value)


def own_hosts(value: str) -> str:
    """Return CEL: a configuration of Istio leads no other namespace's requests to its own services."""
    hosts = f"(!has({value}.hosts) || {value}.hosts.all(h, {_IS_OWN_HOST.format('h')}))"
    host_is_own = f"(!has({value}.host) || {_IS_OWN_HOST.format(f'{value}.host')})"
    # `mesh` stands for the sidecars of all pods; other gateways only see what is sent to them.
    at_gateways = f'(has({value}.gateways) && size({value}.gateways) > 0 && !("mesh" in {value}.gateways))'
    return f"({_EXPORTS_TO_OWN.format(value)} || {at_gateways} || ({hosts} && {host_is_own}))"


# Where a client goes next, or whom a request is for: RFC 9110 (7.2, 10.2.2), RFC 7838, RFC 8288, the
# Reporting API, browsers' `Refresh`, and Envoy's clusters of the type ORIGINAL_DST.
_LEADING_HEADERS = (
    "(?i)^(?::authority|alt-svc|content-location|host|link|location|nel|refresh|report-to|reporting-endpoints"
    "|x-envoy-original-dst-host)$"
)


def headers_stay(value: str) -> str:
    """Return CEL: the headers of a list that a route writes, with `name` and `value`, lead nobody outside."""
    return f"{value}.all(k, {_header_stays('k')})"


def leading_headers_left_out(value: str) -> str:
    """Return CEL: a list of headers has none that says where a client goes, or whom a request is for."""
    return f"{value}.all(k, !has(k.name) || !k.name.matches({literal(_LEADING_HEADERS)}))"


def _header_stays(header: str) -> str:
    """Return CEL: a header leads nobody outside."""
    # Browsers read a backslash as a slash, and drop tabs.
    plain = f'{header}.value.replace("\\\\", "/").replace("\\t", "")'
    words = """z.findAll("[^\\\\s,;='\\"<>]+")"""
    behind = 'w.findAll("//+[^/?#]*")'
    bare = 'w.startsWith("/") ? [] : w.findAll("^[^/?#]*[.:][^/?#]*")'
    # A user and password before `@` are not part of the host.
    host = """[h.replace("/", "").findAll("[^@]*$")[0]]"""
    is_inside = 'n.matches($local) && !n.matches("^(?:0[xX])?[0-9]+$")'
    is_permitted = f'n == "" || n.startsWith(":") || ({is_inside}) || n.split(":")[0] in variables.outside'
    are_permitted = f'(w.contains("//") ? {behind} : {bare}).all(h, {host}.all(n, {is_permitted}))'
    # `%REQ(…)%` is whatever the client says.
    stays = f'[{plain}].all(z, !z.matches("^%|[/=@ ]%") && {words}.all(w, {are_permitted}))'
    is_complete = f"has({header}.name) && has({header}.value)"
    return f"(!({is_complete}) || !{header}.name.matches({literal(_LEADING_HEADERS)}) || {stays})"


def own_path(value: str) -> str:
    """Return CEL: a path to redirect to is one on the same host."""
    return f"!{value}.matches({literal(_OTHER_HOST)})"


def origin_stays(value: str) -> str:
    """Return CEL: a site whose pages may read answers is inside, or at a gateway by its name."""
    is_one = f'{value}.contains("://") && !{value}.contains("*")'
    is_permitted = 'h.matches($local) || h.split(":")[0] in variables.outside'
    return f'({is_one} && [{value}.split("://")[1]].all(h, {is_permitted}))'


_OTHER_HOST = r"^[\s/\\]*[/\\]{2}|^[\s]*[A-Za-z0-9+.-]*:|\\"
"""A path that browsers read as another host: `//host`, `https:host`, or either with a backslash."""


# Labels that only relabelling itself reads. A name that ends in `__` may be that of an address.
_TEMPORARY = "^__tmp_[a-z0-9_]*[a-z0-9]$"


def no_target(value: str) -> str:
    """Return CEL: relabelling does not write the address that is asked for metrics, nor how it is asked."""
    # Groups of the expression (`$1`) are put in before the label's name is read.
    label = f"{value}.targetLabel"
    is_special = f'({label}.startsWith("__") && !{label}.matches({literal(_TEMPORARY)}))'
    own_label = f'(!has({label}) || !({label}.contains("$") || {is_special}))'
    is_map = f'(has({value}.action) && {value}.action.lowerAscii() == "labelmap")'
    plain_map = f'(!has({value}.replacement) || {value}.replacement in ["$1", "${{1}}"])'
    return f"({own_label} && (!{is_map} || {plain_map}))"


def own_cluster(value: str) -> str:
    """Return CEL: what Argo CD deploys goes to the cluster that it runs in, by address or by name."""
    to = f"{value}.destination"
    by_address = f'({to}.server == "https://kubernetes.default.svc" && !has({to}.name))'
    by_name = f'has({to}.name) && {to}.name == "in-cluster"'
    return f"(has({to}) && (has({to}.server) ? {by_address} : {by_name}))"


# The agent has some hundred settings, and each release adds some. These say what it logs, how large its
# tables are, how fast it is, and which files of the machine it writes (docs.cilium.io, `cilium-agent` in the
# command reference and "Per-node configuration", read 2026-11-28).
_OF_AGENT = (
    "^(?:debug|log-(?:opt|system-load)|mtu|bpf-map-dynamic-size-ratio|bpf-lb-(?:acceleration|algorithm)"
    "|bpf-(?:ct|lb|nat|neigh|policy|fragments|events)[a-z0-9-]*-(?:max|rate-limit|burst-limit|interval)"
    "|enable-(?:bandwidth-manager|bbr|bbr-hostns-only|ipv[46]-big-tcp|pmtu-discovery|xt-socket-fallback)"
    "|metrics|prometheus-serve-addr|cni-(?:exclusive|chaining-mode|log-file)|custom-cni-conf"
    "|write-cni-conf-when-ready|preallocate-bpf-maps)$"
)


def cilium_agent(value: str) -> str:
    """Return CEL: settings of Cilium's agent are of the few that change neither who is reached nor how."""
    return f"{value}.all(k, k.matches({literal(_OF_AGENT)}))"

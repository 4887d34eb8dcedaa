"""Services: ways in and out that no network policy sees are closed, and names lead only where they say."""

from __future__ import annotations

from sovereign_ai.rules.controls import C3A_GATEWAYS, CIS_NETWORK, ECSF_DATA, GDPR_SECURITY, HARDENING
from sovereign_ai.rules.kinds import PODS
from sovereign_ai.rules.rule import OBJECT_PLACES, Check, Rule

_CONTROLS = (C3A_GATEWAYS, HARDENING, CIS_NETWORK)
_ROUTE_NAMESPACE = '(!has({0}.namespace) || {0}.namespace == null || {0}.namespace == "" || {0}.namespace == object.metadata.namespace)'

EXTERNAL_IPS = Rule(
    id="NET-001",
    title="No service takes an address as its own",
    severity="critical",
    rationale="An external address on a service draws every pod's traffic to that address, whoever owns it (CVE-2020-8554, open by design).",
    remediation="leave externalIPs out",
    controls=(*_CONTROLS, GDPR_SECURITY),
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("Service",),
            "spec.externalIPs",
            "!has(object.spec.externalIPs) || size(object.spec.externalIPs) == 0",
            "it takes addresses that others may own",
        ),
    ),
)
EXPOSED = Rule(
    id="NET-002",
    title="No service opens a port to the outside by itself",
    severity="high",
    rationale="A node port or a load balancer is open on every machine, before any network policy of the namespace is asked who comes.",
    remediation="use a ClusterIP service; what is to be reached from outside goes through a gateway of the description",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("Service",),
            "spec.type",
            '!has(object.spec.type) || !(object.spec.type in ["LoadBalancer", "NodePort"])',
            "it opens a port on every machine, or an address outside",
        ),
    ),
)
EXTERNAL_NAMES = Rule(
    id="NET-003",
    title="No service stands for a name outside",
    severity="high",
    rationale="Such a service is a name of the cluster that leads wherever somebody else's DNS says, today and tomorrow.",
    remediation="speak to the outside by its own name, through a gateway of the description",
    controls=(*_CONTROLS, ECSF_DATA),
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("Service",),
            "spec.type",
            '!has(object.spec.type) || object.spec.type != "ExternalName"',
            "it leads to a name outside the cluster",
        ),
    ),
)
INGRESS = Rule(
    id="NET-004",
    title="An ingress names its hosts",
    severity="high",
    rationale="One without a host, with a wildcard, or with a backend for the rest takes in what is meant for other tenants.",
    remediation="name each host in full, and leave defaultBackend out",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("Ingress",),
            "spec.rules",
            '!has(object.spec.rules) || object.spec.rules.all(r, has(r.host) && r.host != "" && !r.host.contains("*"))',
            "it takes in every host, or a wildcard of hosts",
        ),
        Check(("Ingress",), "spec.defaultBackend", "!has(object.spec.defaultBackend)", "it takes in what nobody else has asked for"),
    ),
)
GATEWAYS = Rule(
    id="NET-005",
    title="A Gateway API gateway names its hosts and takes routes of its own namespace only",
    severity="high",
    rationale="A listener that is open to routes of every namespace lets any tenant answer for its names.",
    remediation="name each listener's hostname in full and leave allowedRoutes.namespaces out, or say Same",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("Gateway",),
            "spec.listeners",
            'object.spec.listeners.all(n, has(n.hostname) && n.hostname != "" && !n.hostname.contains("*"))',
            "a listener takes in every host, or a wildcard of hosts",
        ),
        Check(
            ("Gateway",),
            "spec.listeners",
            "object.spec.listeners.all(n, !has(n.allowedRoutes) || !has(n.allowedRoutes.namespaces)"
            ' || !has(n.allowedRoutes.namespaces.from) || n.allowedRoutes.namespaces.from == null || n.allowedRoutes.namespaces.from == "Same")',
            "a listener takes routes of other namespaces",
        ),
    ),
)
ROUTES = Rule(
    id="NET-006",
    title="Routes and grants stay within their namespace",
    severity="high",
    rationale="A route to another namespace's service, or a grant that permits one, is a flow that the description does not declare.",
    remediation="name gateways and services of the own namespace",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("HTTPRoute",),
            "spec.parentRefs",
            "!has(object.spec) || !has(object.spec.parentRefs) || object.spec.parentRefs == null"
            f" || object.spec.parentRefs.all(p, {_ROUTE_NAMESPACE.format('p')})",
            "it hangs on a gateway of another namespace",
        ),
        Check(
            ("HTTPRoute",),
            "spec.rules",
            "!has(object.spec) || !has(object.spec.rules) || object.spec.rules == null"
            " || object.spec.rules.all(r, !has(r.backendRefs) || r.backendRefs == null"
            f" || r.backendRefs.all(b, {_ROUTE_NAMESPACE.format('b')}))",
            "it leads to a service of another namespace",
        ),
        Check(
            ("ReferenceGrant",),
            "spec.from",
            "object.spec.from.all(f, f.namespace == object.metadata.namespace)",
            "it lets other namespaces refer to what is in this one",
        ),
    ),
)
NAMES = Rule(
    id="NET-007",
    title="Pods ask the cluster's own DNS, and believe no other names",
    severity="high",
    rationale="Another resolver sees every name that a pod asks for, and answers what it likes; so does a list of names in the pod.",
    remediation="leave dnsPolicy, dnsConfig.nameservers and hostAliases out",
    controls=(*_CONTROLS, ECSF_DATA),
    places=OBJECT_PLACES,
    checks=(
        Check(
            PODS,
            "dnsPolicy",
            '!has(variables.pod.dnsPolicy) || variables.pod.dnsPolicy in ["", "ClusterFirst", "ClusterFirstWithHostNet"]',
            "it asks the machine's resolver, or one of its own",
        ),
        Check(
            PODS,
            "dnsConfig",
            "!has(variables.pod.dnsConfig) || !has(variables.pod.dnsConfig.nameservers) || size(variables.pod.dnsConfig.nameservers) == 0",
            "it asks another resolver besides the cluster's",
        ),
        Check(
            PODS,
            "hostAliases",
            '!has(variables.pod.hostAliases) || variables.pod.hostAliases.all(a, has(a.ip) && (a.ip.startsWith("127.") || a.ip == "::1"))',
            "it gives names to addresses beyond itself",
        ),
    ),
)
_POD = (
    '(has(e.targetRef) && has(e.targetRef.kind) && e.targetRef.kind == "Pod"'
    ' && (!has(e.targetRef.namespace) || e.targetRef.namespace == "" || e.targetRef.namespace == object.metadata.namespace))'
)

ENDPOINTS = Rule(
    id="NET-008",
    title="Services lead to pods of their own namespace",
    severity="high",
    rationale=(
        "Endpoints written by hand make a service of the cluster lead to any address. The reference to a pod can be forged: rights to "
        "write endpoints are kept from tenants besides."
    ),
    remediation="give the service a selector, and let the cluster write its endpoints",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        Check(
            ("EndpointSlice",),
            "endpoints",
            f'object.addressType != "FQDN" && (!has(object.endpoints) || object.endpoints == null || object.endpoints.all(e, {_POD}))',
            "it leads to addresses that are no pods of its namespace",
        ),
        Check(
            ("Endpoints",),
            "subsets",
            "!has(object.subsets) || object.subsets.all(s,"
            f" (!has(s.addresses) || s.addresses.all(e, {_POD})) && (!has(s.notReadyAddresses) || s.notReadyAddresses.all(e, {_POD})))",
            "its addresses are no pods of its namespace",
        ),
    ),
)

RULES = (EXTERNAL_IPS, EXPOSED, EXTERNAL_NAMES, INGRESS, GATEWAYS, ROUTES, NAMES, ENDPOINTS)

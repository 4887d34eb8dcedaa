"""Rules on services and routes: ways in and out that no network policy sees, and names that lead away."""

from __future__ import annotations

from sovereign_ai.rules.addons.traffic import ROUTE
from sovereign_ai.rules.cel.bindings import bound
from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.controls import C3A_GATEWAYS, CIS_NETWORK, ECSF_DATA, GDPR_SECURITY, HARDENING
from sovereign_ai.rules.kinds import OTHER, PODS, TEMPLATES
from sovereign_ai.rules.objects.pod_networks import OF_PLUGIN
from sovereign_ai.rules.places.fields import Field, all_permitted, permitted
from sovereign_ai.rules.places.named_settings import named
from sovereign_ai.rules.places.permitted_places import host, text
from sovereign_ai.rules.places.replication_annotations import IS_NOT_REPLICATED
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

_CONTROLS = (C3A_GATEWAYS, HARDENING, CIS_NETWORK)
# An empty or missing namespace is the route's own.
_ROUTE_NAMESPACE = (
    '(!has({0}.namespace) || {0}.namespace == null || {0}.namespace == ""'
    " || {0}.namespace == object.metadata.namespace)"
)

_HAS_NO_EXTERNAL_IP = "!has(object.spec.externalIPs) || size(object.spec.externalIPs) == 0"
EXTERNAL_IPS = Rule(
    id="NET-001",
    title="No service takes an address as its own",
    severity="critical",
    rationale=(
        "An external address on a service draws every pod's traffic to that address, whoever owns it "
        "(CVE-2020-8554, open by design)."
    ),
    remediation="leave externalIPs out",
    controls=(*_CONTROLS, GDPR_SECURITY),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Service",),
            "spec.externalIPs",
            _HAS_NO_EXTERNAL_IP,
            "it takes addresses that others may own",
        ),
    ),
)
_IS_INTERNAL = '!has(object.spec.type) || !(object.spec.type in ["LoadBalancer", "NodePort"])'
EXPOSED = Rule(
    id="NET-002",
    title="No service opens a port to the outside by itself",
    severity="high",
    rationale=(
        "A node port or a load balancer is open on every machine, before any network policy of the "
        "namespace is asked who comes."
    ),
    remediation=(
        "use a ClusterIP service; what is to be reached from outside goes through a gateway of the "
        "description"
    ),
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Service",),
            "spec.type",
            _IS_INTERNAL,
            "it opens a port on every machine, or an address outside",
        ),
    ),
)
# Of its own namespace alone: a gateway that follows the name answers for it, whoever may reach the other.
_IN_CLUSTER = literal("^[a-z0-9-]+[.][a-z0-9-]+[.]svc[.]cluster[.]local[.]?$")
_IS_NO_EXTERNAL_NAME = (
    '!has(object.spec.type) || object.spec.type != "ExternalName"'
    f" || (has(object.spec.externalName) && object.spec.externalName.matches({_IN_CLUSTER})"
    ' && object.spec.externalName.split(".")[1] == object.metadata.namespace)'
)
EXTERNAL_NAMES = Rule(
    id="NET-003",
    title="No service stands for a name outside",
    severity="high",
    rationale=(
        "Such a service is a name of the cluster that leads wherever somebody else's DNS says, today and "
        "tomorrow."
    ),
    remediation="speak to the outside by its own name, through a gateway of the description",
    controls=(*_CONTROLS, ECSF_DATA),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Service",),
            "spec.type",
            _IS_NO_EXTERNAL_NAME,
            "it leads to a name outside its namespace",
        ),
    ),
)
_INGRESS_NAMES_HOSTS = (
    '!has(object.spec.rules) || object.spec.rules.all(r, has(r.host) && r.host != ""'
    ' && !r.host.contains("*"))'
)
INGRESS = Rule(
    id="NET-004",
    title="An ingress names its hosts",
    severity="high",
    rationale=(
        "One without a host, with a wildcard, or with a backend for the rest takes in what is meant for "
        "other tenants."
    ),
    remediation="name each host in full, and leave defaultBackend out",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Ingress",),
            "spec.rules",
            _INGRESS_NAMES_HOSTS,
            "it takes in every host, or a wildcard of hosts",
        ),
        RuleCheck(
            ("Ingress",),
            "spec.defaultBackend",
            "!has(object.spec.defaultBackend)",
            "it takes in what nobody else has asked for",
        ),
    ),
)
_HAS_LISTENERS = "has(object.spec) && has(object.spec.listeners) && object.spec.listeners != null && "
_LISTENERS_NAME_HOSTS = (
    f"{_HAS_LISTENERS}object.spec.listeners.all"
    '(n, has(n.hostname) && n.hostname != "" && !n.hostname.contains("*"))'
)
_LISTENERS_TAKE_OWN_ROUTES = (
    f"{_HAS_LISTENERS}object.spec.listeners.all(n, !has(n.allowedRoutes) || !has(n.allowedRoutes.namespaces)"
    " || !has(n.allowedRoutes.namespaces.from) || n.allowedRoutes.namespaces.from == null"
    ' || n.allowedRoutes.namespaces.from == "Same")'
)
# A set of listeners in another namespace adds hosts to the gateway.
_TAKES_OWN_LISTENERS = (
    "!has(object.spec) || !has(object.spec.allowedListeners) || object.spec.allowedListeners == null"
    " || !has(object.spec.allowedListeners.namespaces) || object.spec.allowedListeners.namespaces == null"
    " || !has(object.spec.allowedListeners.namespaces.from)"
    " || object.spec.allowedListeners.namespaces.from == null"
    ' || object.spec.allowedListeners.namespaces.from in ["None", "Same"]'
)
# An address elsewhere, or parameters of the controller, may make it answer outside.
_IS_REACHED_HERE = all_permitted(
    (
        Field("spec.addresses[].value", "private"),
        Field("spec.infrastructure.parametersRef", "absent"),
        Field("spec.listeners[].tls.certificateRefs[].namespace", "own-namespace"),
    )
)
GATEWAYS = Rule(
    id="NET-005",
    title="A Gateway API gateway names its hosts and takes routes of its own namespace only",
    severity="high",
    rationale="A listener that is open to routes of every namespace lets any tenant answer for its names.",
    remediation=(
        "name each listener's hostname in full, and leave out parametersRef, addresses outside and "
        "allowedRoutes.namespaces, or say Same"
    ),
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Gateway",),
            "spec.listeners",
            _LISTENERS_NAME_HOSTS,
            "a listener takes in every host, or a wildcard of hosts",
        ),
        RuleCheck(
            ("Gateway",),
            "spec.listeners",
            _LISTENERS_TAKE_OWN_ROUTES,
            "a listener takes routes of other namespaces",
        ),
        RuleCheck(
            ("Gateway",),
            "spec.allowedListeners",
            _TAKES_OWN_LISTENERS,
            "it takes listeners of other namespaces",
        ),
        RuleCheck(
            ("Gateway",),
            "spec.addresses",
            _IS_REACHED_HERE,
            "its address is not private, or parameters or certificates of others decide on it",
        ),
    ),
)
_PARENTS_ARE_OWN = (
    "!has(object.spec) || !has(object.spec.parentRefs) || object.spec.parentRefs == null"
    f" || object.spec.parentRefs.all(p, {_ROUTE_NAMESPACE.format('p')})"
)
_BACKENDS_ARE_OWN = (
    "!has(object.spec) || !has(object.spec.rules) || object.spec.rules == null"
    " || object.spec.rules.all(r, !has(r.backendRefs) || r.backendRefs == null"
    f" || r.backendRefs.all(b, {_ROUTE_NAMESPACE.format('b')}))"
)
_ROUTES_STAY = all_permitted(ROUTE)
_GRANTS_TO_ITSELF = "object.spec.from.all(f, f.namespace == object.metadata.namespace)"
ROUTES = Rule(
    id="NET-006",
    title="Routes and grants stay within their namespace",
    severity="high",
    rationale=(
        "A route to another namespace's service, or a grant that permits one, is a flow that the "
        "description does not declare."
    ),
    remediation="name gateways and services of the own namespace",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("HTTPRoute",),
            "spec.parentRefs",
            _PARENTS_ARE_OWN,
            "it hangs on a gateway of another namespace",
        ),
        RuleCheck(
            ("HTTPRoute",),
            "spec.rules",
            _BACKENDS_ARE_OWN,
            "it leads to a service of another namespace",
        ),
        RuleCheck(
            ("HTTPRoute",),
            "spec.rules",
            _ROUTES_STAY,
            "it leads, copies or redirects requests to what is no service of its namespace",
        ),
        RuleCheck(
            ("ReferenceGrant",),
            "spec.from",
            _GRANTS_TO_ITSELF,
            "it lets other namespaces refer to what is in this one",
        ),
    ),
)
_USES_CLUSTER_DNS = (
    "!has(variables.pod.dnsPolicy)"
    ' || variables.pod.dnsPolicy in ["", "ClusterFirst", "ClusterFirstWithHostNet"]'
)
_HAS_NO_NAMESERVER = (
    "!has(variables.pod.dnsConfig) || !has(variables.pod.dnsConfig.nameservers)"
    " || size(variables.pod.dnsConfig.nameservers) == 0"
)
_SEARCHES_CLUSTER = (
    "!has(variables.pod.dnsConfig) || !has(variables.pod.dnsConfig.searches)"
    " || variables.pod.dnsConfig.searches.all(s,"
    ' s.matches("^([a-z0-9-]+[.])*(svc[.])?cluster[.]local[.]?$"))'
)
# An alias is a line of /etc/hosts: a name of the pod itself is harmless.
_ALIASES_ARE_LOOPBACK = (
    "!has(variables.pod.hostAliases) || variables.pod.hostAliases.all(a, has(a.ip)"
    ' && (a.ip.startsWith("127.") || a.ip == "::1"))'
)
# The C library completes names with the first, and reads other names for them from the file of the second.
_KEEPS_THE_RESOLVERS_SETTINGS = (
    "variables.containers.all(c, !has(c.env) || c.env == null"
    ' || c.env.all(e, !(e.name in ["LOCALDOMAIN", "HOSTALIASES"])))'
)
NAMES = Rule(
    id="NET-007",
    title="Pods ask the cluster's own DNS, and believe no other names",
    severity="high",
    rationale=(
        "Another resolver sees every name that a pod asks for, and answers what it likes; so does a list of "
        "names in the pod."
    ),
    remediation="leave dnsPolicy, dnsConfig.nameservers and hostAliases out",
    controls=(*_CONTROLS, ECSF_DATA),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "dnsPolicy",
            _USES_CLUSTER_DNS,
            "it asks the machine's resolver, or one of its own",
        ),
        RuleCheck(
            PODS,
            "dnsConfig",
            _HAS_NO_NAMESERVER,
            "it asks another resolver besides the cluster's",
        ),
        RuleCheck(
            PODS,
            "dnsConfig",
            _SEARCHES_CLUSTER,
            "it completes names with a domain outside the cluster",
        ),
        RuleCheck(
            PODS,
            "hostAliases",
            _ALIASES_ARE_LOOPBACK,
            "it gives names to addresses beyond itself",
        ),
        RuleCheck(
            PODS,
            "containers",
            _KEEPS_THE_RESOLVERS_SETTINGS,
            "a variable (LOCALDOMAIN, HOSTALIASES) makes it ask for other names",
        ),
    ),
)
_POD = (
    '(has(e.targetRef) && has(e.targetRef.kind) && e.targetRef.kind == "Pod"'
    ' && (!has(e.targetRef.namespace) || e.targetRef.namespace == ""'
    " || e.targetRef.namespace == object.metadata.namespace))"
)

# Addresses of the type FQDN are resolved by whatever DNS answers.
_SLICE_LEADS_TO_OWN_PODS = (
    'object.addressType != "FQDN" && (!has(object.endpoints) || object.endpoints == null'
    f" || object.endpoints.all(e, {_POD}))"
)
_SUBSETS_LEAD_TO_OWN_PODS = (
    "!has(object.subsets) || object.subsets.all(s,"
    f" (!has(s.addresses) || s.addresses.all(e, {_POD})) && (!has(s.notReadyAddresses)"
    f" || s.notReadyAddresses.all(e, {_POD})))"
)
ENDPOINTS = Rule(
    id="NET-008",
    title="Services lead to pods of their own namespace",
    severity="high",
    rationale=(
        "Endpoints written manually make a service of the cluster lead to any address. The reference to a "
        "pod can be forged: rights to write endpoints are kept from tenants besides."
    ),
    remediation="give the service a selector, and let the cluster write its endpoints",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("EndpointSlice",),
            "endpoints",
            _SLICE_LEADS_TO_OWN_PODS,
            "it leads to addresses that are no pods of its namespace",
        ),
        RuleCheck(
            ("Endpoints",),
            "subsets",
            _SUBSETS_LEAD_TO_OWN_PODS,
            "its addresses are no pods of its namespace",
        ),
    ),
)


def _is_own(holder: str) -> str:
    """Return CEL: a probe or a hook calls the pod itself."""
    ways = (
        f'!has({holder}.{way}) || !has({holder}.{way}.host) || {holder}.{way}.host == ""'
        for way in ("httpGet", "tcpSocket")
    )
    return " && ".join(f"({way})" for way in ways)


_PROBES = " && ".join(
    f"(!has(c.{name}) || ({_is_own(f'c.{name}')}))"
    for name in ("livenessProbe", "readinessProbe", "startupProbe")
)
_HOOKS = " && ".join(
    f"(!has(c.lifecycle.{name}) || ({_is_own(f'c.lifecycle.{name}')}))" for name in ("postStart", "preStop")
)
_PROBES_STAY = f"variables.containers.all(c, {_PROBES})"
_HOOKS_STAY = f"variables.containers.all(c, !has(c.lifecycle) || ({_HOOKS}))"
PROBES = Rule(
    id="NET-009",
    title="Probes and hooks ask their own pod",
    severity="high",
    rationale=(
        "The kubelet asks for a container's probes and hooks from the machine's own network, which no "
        "network policy of the zone sees; a host in them makes it call whoever that is, as often as the "
        "probe says."
    ),
    remediation="leave `host` out of probes and hooks",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(PODS, "containers", _PROBES_STAY, "a probe asks another host"),
        RuleCheck(
            PODS,
            "containers",
            _HOOKS_STAY,
            "a hook calls another host",
        ),
    ),
)
_ANNOTATIONS = "object.metadata.annotations"
# Cilium's Cluster Mesh shares a service that carries one of these with other clusters.
_GLOBAL = (
    '["io.cilium/global-service", "io.cilium/shared-service", "service.cilium.io/global", '
    '"service.cilium.io/shared"]'
)
# ingress-nginx inserts snippets into its configuration as they are written.
_SNIPPET = "(?i)(?:snippet|mirror-target|mirror-host|upstream-vhost|session-cookie-domain)s?$"


# Linkerd and Istio's ambient mode share a service that is labelled so.
_SHARING = "/(?:global|shared|exported|mirrored|federated)(?:-[a-z]+)?$"
# Annotations whose controllers read a host without a scheme. A path, as of a rewritten request, is none.
_LEADS_TO = (
    "(?i)(?:target|upstream|endpoint|proxy)s?$"
    "|(?:backend|origin|proxy|relay|remote|server|target|upstream)[._-]?(?:hosts?|hostname|addr(?:ess)?|ip)$"
)
_A_HOST = "^[A-Za-z0-9.-]+[.][A-Za-z0-9-]+(?::[0-9]+)?[.]?$"


def _leads_here(value: str) -> str:
    """Return CEL: a value is no host, a private address, or a permitted host."""
    is_private = permitted(Field("", "private"), value)
    return f'(!{value}.matches("{_A_HOST}") || {is_private} || {host(value)})'


def _are_permitted(annotations: str) -> str:
    """Return CEL: annotations of what leads traffic are permitted."""
    # kubectl keeps a copy of the whole object in `$applied`, which takes effect nowhere.
    leads_here = f'(!k.matches("{_LEADS_TO}") || {_leads_here("value")})'
    is_permitted = bound("value", f"{annotations}[k]", f"{text('value')} && {leads_here}")
    return (
        f"{annotations}.all(k, k == $applied ||"
        f' (!k.matches("{_SNIPPET}") && !(k in {_GLOBAL})'
        # Whose kinds send data out takes orders from annotations of its own domain too.
        ' && !$exporting.exists(e, ("." + k).contains(e))'
        f" && {is_permitted}))"
    )


_LABELS = "object.metadata.labels"
_LABELS_SHARE_NOTHING = (
    f'!has({_LABELS}) || {_LABELS}.all(k, !k.matches("{_SHARING}")'
    f' || {_LABELS}[k] in ["", "false", "disabled"])'
)
_ANNOTATIONS_ARE_PERMITTED = f"!has({_ANNOTATIONS}) || {_are_permitted(_ANNOTATIONS)}"
# The controller of a gateway puts them on the service and the pods that it makes for it.
_MADE = "object.spec.infrastructure"
_ANNOTATIONS_OF_MADE_ARE_PERMITTED = (
    f"!has(object.spec) || !has({_MADE}) || {_MADE} == null"
    f" || !has({_MADE}.annotations) || {_MADE}.annotations == null"
    f" || {_are_permitted(f'{_MADE}.annotations')}"
)
# A mesh's sidecar, an agent or a network plugin is led by annotations of the pod itself.
_BYPASSES_MESH = "(?i)(?:skip|exclude)-?(?:inbound|outbound)"
_FROM_DECLARED_REGISTRY = permitted(Field("", "image"), "variables.annotations[k]")
_PODS_ANNOTATIONS_ARE_PERMITTED = (
    f'variables.annotations.all(k, k == $applied || (!k.matches("{_BYPASSES_MESH}")'
    f' && (!k.matches("(?i)image$") || {_FROM_DECLARED_REGISTRY})'
    f" && {bound('value', 'variables.annotations[k]', text('value'))}))"
)
# What network plugins read and note is judged by itself (PLC-011).
_AGENTS_ARE_LED_INSIDE = (
    f"variables.annotations.all(k, k == $applied || k.matches({literal(OF_PLUGIN)})"
    f" || {named('k', 'variables.annotations[k]')})"
)
_IS_REPLICATED = "an annotation or a label has a controller copy it elsewhere, or fill it from elsewhere"
ANNOTATED = Rule(
    id="NET-010",
    title="Annotations lead to permitted places, and hand nothing on",
    severity="high",
    rationale=(
        "Controllers take orders from annotations: to copy requests elsewhere, to ask another host who may "
        "come in, to share a service with other clusters, or to insert configuration as it is written; and "
        "to copy a Secret, a ConfigMap or a volume to another namespace or cluster. "
        "Meshes and agents take them from pods."
    ),
    remediation="take the annotation out, or name a service of the cluster below `svc`",
    controls=_CONTROLS,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Gateway", "HTTPRoute", "Ingress", "Service"),
            "metadata.annotations",
            _ANNOTATIONS_ARE_PERMITTED,
            "an annotation copies traffic, inserts configuration, shares it with other clusters, or names a "
            "place that is not permitted",
        ),
        RuleCheck(
            ("Service",),
            "metadata.labels",
            _LABELS_SHARE_NOTHING,
            "a label shares it with other clusters",
        ),
        RuleCheck(
            ("Gateway",),
            "spec.infrastructure",
            _ANNOTATIONS_OF_MADE_ARE_PERMITTED,
            "an annotation of what is made for it leads to a place that is not permitted",
        ),
        RuleCheck(
            PODS,
            "metadata.annotations",
            _PODS_ANNOTATIONS_ARE_PERMITTED,
            "an annotation leads traffic around a mesh, or names an image or a place that is not permitted",
            late=True,
        ),
        RuleCheck(
            PODS,
            "metadata.annotations",
            _AGENTS_ARE_LED_INSIDE,
            "an annotation names a host or a region outside by a word for one, such as `host`",
            late=True,
        ),
        RuleCheck(
            ("PersistentVolumeClaim", "Secret", "ServiceAccount", *TEMPLATES),
            "metadata.annotations",
            IS_NOT_REPLICATED,
            _IS_REPLICATED,
        ),
        # Of others' namespaces only their own pods read a ConfigMap.
        RuleCheck(
            (OTHER.name,),
            "metadata.annotations",
            f"!variables.known || ({IS_NOT_REPLICATED})",
            _IS_REPLICATED,
        ),
    ),
)

RULES = (
    EXTERNAL_IPS,
    EXPOSED,
    EXTERNAL_NAMES,
    INGRESS,
    GATEWAYS,
    ROUTES,
    NAMES,
    ENDPOINTS,
    PROBES,
    ANNOTATED,
)

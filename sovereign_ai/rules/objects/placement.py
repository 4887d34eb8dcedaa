"""Placement rules: a zone's pods run on the zone's nodes, in a jurisdiction that its data may be in.

Only labels below `node-restriction.kubernetes.io` are trusted, since no kubelet may set them. A pod must
select both zone and jurisdiction. The mutating policy of the bundle adds them if they are not set, and
refuses nothing. A template may leave them out, since its pods are judged when they are created.
"""

from __future__ import annotations

from sovereign_ai.rules.controls import C3A_LOCATION, CADA_LOCATION, ECSF_DATA, GDPR_TRANSFER
from sovereign_ai.rules.duties import SNC_LOCATION
from sovereign_ai.rules.kinds import PODS, TEMPLATES
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

_ZONE_IS_OWN = "variables.selector[$zone_key] == variables.zone"
_LAW_IS_PERMITTED = (
    "variables.zone in $jurisdictions"
    " && variables.selector[$jurisdiction_key] in $jurisdictions[variables.zone]"
)
_OUTSIDE = "!($zone_key in variables.selector) && !($jurisdiction_key in variables.selector)"
_LOCATION = (ECSF_DATA, CADA_LOCATION, C3A_LOCATION, GDPR_TRANSFER, SNC_LOCATION)

# Pods of the system namespace serve no zone, and must not select one.
_POD_IS_IN_ZONE = f'variables.zone == "" ? ({_OUTSIDE}) : ($zone_key in variables.selector && {_ZONE_IS_OWN})'
_POD_IS_IN_COUNTRY = (
    f'variables.zone == "" || ($jurisdiction_key in variables.selector && {_LAW_IS_PERMITTED})'
)
# A template may leave the selector out: admission fills it in when its pods are created.
_TEMPLATE_IS_IN_ZONE = f"!($zone_key in variables.selector) || {_ZONE_IS_OWN}"
_TEMPLATE_IS_IN_COUNTRY = f"!($jurisdiction_key in variables.selector) || ({_LAW_IS_PERMITTED})"
PLACEMENT = Rule(
    id="PLC-001",
    title="Pods run only on machines of their own zone, in a country that the zone's data may be in",
    severity="critical",
    rationale="A pod on a machine under another law, or of another zone, takes its data there.",
    remediation="leave nodeSelector out: the zone's own is filled in at admission",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS, "metadata.namespace", "variables.known", "its namespace belongs to no zone of this factory"
        ),
        RuleCheck(
            ("Pod",),
            "nodeSelector",
            _POD_IS_IN_ZONE,
            "it selects machines of another zone, or of none",
        ),
        RuleCheck(
            ("Pod",),
            "nodeSelector",
            _POD_IS_IN_COUNTRY,
            "it selects machines in a country that its zone's data may not be in, or does not say in which",
        ),
        RuleCheck(
            TEMPLATES,
            "nodeSelector",
            _TEMPLATE_IS_IN_ZONE,
            "it selects machines of another zone",
        ),
        RuleCheck(
            TEMPLATES,
            "nodeSelector",
            _TEMPLATE_IS_IN_COUNTRY,
            "it selects machines in a country that its zone's data may not be in",
        ),
    ),
)
# A machine with a fault is cordoned until it is repaired; a pod that tolerates that would come while it is
# drained. The controller of DaemonSets lets each of its pods do so, and no drain waits for these; a pod whose
# DaemonSet does not exist is collected as garbage.
_TOLERATES_NO_CORDON = (
    "!has(variables.pod.tolerations) || variables.pod.tolerations.all(t, !has(t.key)"
    ' || !(t.key in ["node.kubernetes.io/out-of-service", "node.kubernetes.io/unschedulable"]))'
)
_OF_DAEMON_SET = (
    'has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(o, o.kind == "DaemonSet")'
)
_OTHER_TEMPLATES = tuple(kind for kind in TEMPLATES if kind != "DaemonSet")
# An empty key tolerates every taint, and `Exists` without a value those of every zone. The taint of a role is
# that of a control plane, or of a machine that runs the factory.
_TAINTS_ARE_NAMED = (
    "!has(variables.pod.tolerations) || variables.pod.tolerations.all(t,"
    ' has(t.key) && t.key != "" && t.key != $spare_taint && !t.key.startsWith("node-role.kubernetes.io/")'
    ' && (t.key != $zone_taint || ((!has(t.operator) || t.operator in ["", "Equal"])'
    ' && variables.zone != "" && has(t.value) && t.value == variables.zone)))'
)
_TOLERATES_CORDON = "it tolerates the taint of machines that are taken out of service"
TOLERATIONS = Rule(
    id="PLC-004",
    title="Pods tolerate named taints only, and of zones only their own",
    severity="critical",
    rationale=(
        "Tolerating every taint steps around dedicated machines, and on to those that are kept ready, taken "
        "out of service, or run the control plane and the factory."
    ),
    remediation="name each taint that is tolerated, and leave the zone's out: it is filled in at admission",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "tolerations",
            _TAINTS_ARE_NAMED,
            "it tolerates every taint, another zone's, that of machines kept ready, or that of a node's role",
        ),
        RuleCheck(
            ("Pod",),
            "tolerations",
            f"({_OF_DAEMON_SET}) || {_TOLERATES_NO_CORDON}",
            _TOLERATES_CORDON,
        ),
        RuleCheck(_OTHER_TEMPLATES, "tolerations", _TOLERATES_NO_CORDON, _TOLERATES_CORDON),
    ),
)


def _own(key: str, permitted: str) -> str:
    """Return CEL: an expression of a term on a trusted label asks for permitted values only."""
    return (
        f'(e.key != {key} || (e.operator == "In" ? (has(e.values) && e.values.all(v, {permitted}))'
        ' : e.operator in ["Exists", "NotIn"]))'
    )


# `Exists` and `NotIn` only narrow what the selector permits already.
_TERM = (
    "(!has({term}.matchExpressions) || {term}.matchExpressions.all(e, "
    + _own("$zone_key", "v == variables.zone")
    + " && "
    + _own("$jurisdiction_key", "variables.zone in $jurisdictions && v in $jurisdictions[variables.zone]")
    + "))"
)
_NODES = "variables.pod.affinity.nodeAffinity"
_HAS_NODES = "has(variables.pod.affinity) && has(variables.pod.affinity.nodeAffinity)"
_REQUIRED, _PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)

_REQUIRED_TERMS_ARE_OWN = (
    f"!({_HAS_NODES} && has({_NODES}.{_REQUIRED}))"
    f" || {_NODES}.{_REQUIRED}.nodeSelectorTerms.all(n, {_TERM.format(term='n')})"
)
_PREFERRED_TERMS_ARE_OWN = (
    f"!({_HAS_NODES} && has({_NODES}.{_PREFERRED}))"
    f" || {_NODES}.{_PREFERRED}.all(n, !has(n.preference) || {_TERM.format(term='n.preference')})"
)
AFFINITY = Rule(
    id="PLC-006",
    title="No term of a node affinity asks for another zone or law",
    severity="high",
    rationale=(
        "Terms are alternatives: one that names another zone is a way there as soon as the selector beside "
        "it is forgotten."
    ),
    remediation="take the terms on zone and jurisdiction out; the selector says both",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "affinity",
            _REQUIRED_TERMS_ARE_OWN,
            "a required term of its node affinity asks for another zone, or for another law",
        ),
        RuleCheck(
            PODS,
            "affinity",
            _PREFERRED_TERMS_ARE_OWN,
            "it prefers another zone, or another law",
        ),
    ),
)
# Virtual Kubelet, Liqo, Azure Container Instances and Admiralty taint their virtual nodes.
_VIRTUAL_TAINTS = (
    "virtual-kubelet.io/",
    "virtual-node.liqo.io/",
    "azure.com/aci",
    "multicluster.admiralty.io/",
)
_VIRTUAL_LABELS = ("liqo.io/type", "eks.amazonaws.com/compute-type", "virtual-kubelet.io/provider")

_TOLERATES_NO_VIRTUAL_NODE = (
    "!has(variables.pod.tolerations) || variables.pod.tolerations.all(t, !has(t.key) || ("
    + " && ".join(f'!t.key.startsWith("{taint}")' for taint in _VIRTUAL_TAINTS)
    + "))"
)
_SELECTS_NO_VIRTUAL_NODE = (
    '!("type" in variables.selector && variables.selector["type"] == "virtual-kubelet")'
    + "".join(f' && !("{label}" in variables.selector)' for label in _VIRTUAL_LABELS)
)
VIRTUAL = Rule(
    id="PLC-007",
    title="No pod asks for a virtual node",
    severity="critical",
    rationale=(
        "A virtual node stands for somebody else's machines: what is scheduled on it runs in another "
        "cluster, under its owner's law."
    ),
    remediation="take the selector and the toleration of the virtual node out",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "tolerations",
            _TOLERATES_NO_VIRTUAL_NODE,
            "it tolerates a virtual node's taint",
        ),
        RuleCheck(
            PODS,
            "nodeSelector",
            _SELECTS_NO_VIRTUAL_NODE,
            "it selects virtual nodes",
        ),
    ),
)

_RUNTIME_IS_LOCAL = (
    '!has(variables.pod.runtimeClassName) || variables.pod.runtimeClassName == ""'
    " || variables.pod.runtimeClassName in $runtimes"
)
# Kata Containers reads these from a pod: another file of settings, and the socket of a hypervisor elsewhere.
_ELSEWHERE = ("io.katacontainers.config_path", "io.katacontainers.config.hypervisor.remote_hypervisor")
_KEEPS_SETTINGS = (
    "variables.annotations.all(k, " + " && ".join(f'!k.startsWith("{start}")' for start in _ELSEWHERE) + ")"
)
RUNTIMES = Rule(
    id="PLC-010",
    title="Container runtimes run pods on their own machine",
    severity="critical",
    rationale=(
        "A runtime of remote hypervisors makes a machine at a cloud's API for each pod, wherever that API "
        "is, and the scheduler never knows."
    ),
    remediation=(
        "leave runtimeClassName out, or name a class of a runtime on the machine, such as nvidia or kata-qemu"
    ),
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "runtimeClassName",
            _RUNTIME_IS_LOCAL,
            "nobody knows that its runtime runs it on this machine",
        ),
        RuleCheck(
            PODS,
            "metadata.annotations",
            _KEEPS_SETTINGS,
            "an annotation of it has its runtime read other settings, or ask a hypervisor elsewhere",
        ),
    ),
)
RULES = (PLACEMENT, TOLERATIONS, AFFINITY, VIRTUAL, RUNTIMES)

"""Placement: a zone's pods run on the zone's machines, under the law that its data may be under.

Only labels below `node-restriction.kubernetes.io` are trusted, since no kubelet may set them. A pod
must name both; the mutating policy of the bundle adds them where they are not set, and refuses
nothing. A template may leave them out, for its pods are judged when they are made.
"""

from __future__ import annotations

from sovereign_ai.rules.controls import C3A_LOCATION, CADA_LOCATION, ECSF_DATA, GDPR_TRANSFER
from sovereign_ai.rules.duties import SNC_LOCATION
from sovereign_ai.rules.kinds import PODS, TEMPLATES
from sovereign_ai.rules.rule import OBJECT_PLACES, Check, Rule

_ZONE_IS_OWN = "variables.selector[$zone_key] == variables.zone"
_LAW_IS_PERMITTED = "variables.zone in $jurisdictions && variables.selector[$jurisdiction_key] in $jurisdictions[variables.zone]"
_OUTSIDE = "!($zone_key in variables.selector) && !($jurisdiction_key in variables.selector)"
_LOCATION = (ECSF_DATA, CADA_LOCATION, C3A_LOCATION, GDPR_TRANSFER, SNC_LOCATION)

PLACEMENT = Rule(
    id="PLC-001",
    title="Pods run only on machines of their own zone, in a country that the zone's data may be in",
    severity="critical",
    rationale="A pod on a machine under another law, or of another zone, takes its data there.",
    remediation="leave nodeSelector out: the zone's own is filled in at admission",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        Check(PODS, "metadata.namespace", "variables.known", "its namespace belongs to no zone of this factory"),
        Check(
            ("Pod",),
            "nodeSelector",
            f'variables.zone == "" ? ({_OUTSIDE}) : ($zone_key in variables.selector && {_ZONE_IS_OWN})',
            "it selects machines of another zone, or of none",
        ),
        Check(
            ("Pod",),
            "nodeSelector",
            f'variables.zone == "" || ($jurisdiction_key in variables.selector && {_LAW_IS_PERMITTED})',
            "it selects machines in a country that its zone's data may not be in, or does not say in which",
        ),
        Check(
            TEMPLATES,
            "nodeSelector",
            f"!($zone_key in variables.selector) || {_ZONE_IS_OWN}",
            "it selects machines of another zone",
        ),
        Check(
            TEMPLATES,
            "nodeSelector",
            f"!($jurisdiction_key in variables.selector) || ({_LAW_IS_PERMITTED})",
            "it selects machines in a country that its zone's data may not be in",
        ),
    ),
)
TOLERATIONS = Rule(
    id="PLC-004",
    title="Pods tolerate named taints only, and of zones only their own",
    severity="critical",
    rationale="Tolerating every taint steps around dedicated machines, and on to those that are kept ready or taken out of service.",
    remediation="name each taint that is tolerated, and leave the zone's out: it is filled in at admission",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        Check(
            PODS,
            "tolerations",
            "!has(variables.pod.tolerations) || variables.pod.tolerations.all(t,"
            ' has(t.key) && t.key != "" && t.key != $spare_taint'
            ' && (t.key != $zone_taint || ((!has(t.operator) || t.operator in ["", "Equal"])'
            ' && variables.zone != "" && has(t.value) && t.value == variables.zone)))',
            "it tolerates every taint, another zone's, or that of machines kept ready",
        ),
    ),
)


def _own(key: str, permitted: str) -> str:
    """Write that a term's expression on a trusted label asks for nothing but what is permitted."""
    return f'(e.key != {key} || (e.operator == "In" ? (has(e.values) && e.values.all(v, {permitted})) : e.operator in ["Exists", "NotIn"]))'


_TERM = (
    "(!has({term}.matchExpressions) || {term}.matchExpressions.all(e, "
    + _own("$zone_key", "v == variables.zone")
    + " && "
    + _own("$jurisdiction_key", "variables.zone in $jurisdictions && v in $jurisdictions[variables.zone]")
    + "))"
)
_NODES = "variables.pod.affinity.nodeAffinity"
_HAS_NODES = "has(variables.pod.affinity) && has(variables.pod.affinity.nodeAffinity)"
_REQUIRED, _PREFERRED = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"

AFFINITY = Rule(
    id="PLC-006",
    title="No term of a node affinity asks for another zone or law",
    severity="high",
    rationale="Terms are alternatives: one that names another zone is a way there as soon as the selector beside it is forgotten.",
    remediation="take the terms on zone and jurisdiction out; the selector says both",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        Check(
            PODS,
            "affinity",
            f"!({_HAS_NODES} && has({_NODES}.{_REQUIRED})) || {_NODES}.{_REQUIRED}.nodeSelectorTerms.all(n, {_TERM.format(term='n')})",
            "a required term of its node affinity asks for another zone, or for another law",
        ),
        Check(
            PODS,
            "affinity",
            f"!({_HAS_NODES} && has({_NODES}.{_PREFERRED})) || {_NODES}.{_PREFERRED}.all(n, !has(n.preference) || {_TERM.format(term='n.preference')})",
            "it prefers another zone, or another law",
        ),
    ),
)
_VIRTUAL_TAINTS = ("virtual-kubelet.io/", "virtual-node.liqo.io/", "azure.com/aci", "multicluster.admiralty.io/")
_VIRTUAL_LABELS = ("liqo.io/type", "eks.amazonaws.com/compute-type", "virtual-kubelet.io/provider")

VIRTUAL = Rule(
    id="PLC-007",
    title="No pod asks for a virtual node",
    severity="critical",
    rationale="A virtual node stands for somebody else's machines: what is scheduled on it runs in another cluster, under its owner's law.",
    remediation="take the selector and the toleration of the virtual node out",
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        Check(
            PODS,
            "tolerations",
            "!has(variables.pod.tolerations) || variables.pod.tolerations.all(t, !has(t.key) || ("
            + " && ".join(f'!t.key.startsWith("{taint}")' for taint in _VIRTUAL_TAINTS)
            + "))",
            "it tolerates a virtual node's taint",
        ),
        Check(
            PODS,
            "nodeSelector",
            '!("type" in variables.selector && variables.selector["type"] == "virtual-kubelet")'
            + "".join(f' && !("{label}" in variables.selector)' for label in _VIRTUAL_LABELS),
            "it selects virtual nodes",
        ),
    ),
)

RULES = (PLACEMENT, TOLERATIONS, AFFINITY, VIRTUAL)

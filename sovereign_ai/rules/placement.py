"""Placement: a zone's pods run on the zone's machines, under the law that its data may be under.

Only labels below `node-restriction.kubernetes.io` are trusted, since no kubelet may set them. A pod
must name both; the mutating policy of the bundle adds them where they are not set, and refuses
nothing. A template may leave them out, for its pods are judged when they are made.
"""

from __future__ import annotations

from sovereign_ai.rules.controls import C3A_LOCATION, CADA_LOCATION, ECSF_DATA, GDPR_TRANSFER
from sovereign_ai.rules.kinds import PODS, TEMPLATES
from sovereign_ai.rules.rule import OBJECT_PLACES, Check, Rule

_ZONE_IS_OWN = "variables.selector[$zone_key] == variables.zone"
_LAW_IS_PERMITTED = "variables.zone in $jurisdictions && variables.selector[$jurisdiction_key] in $jurisdictions[variables.zone]"
_OUTSIDE = "!($zone_key in variables.selector) && !($jurisdiction_key in variables.selector)"

PLACEMENT = Rule(
    id="PLC-001",
    title="Pods run only on machines of their own zone, in a country that the zone's data may be in",
    severity="critical",
    rationale=(
        "A pod on a machine under another law, or of another zone, takes its data there. Setting the node's name or choosing "
        "another scheduler steps around every selector; tolerating every taint steps around dedicated machines."
    ),
    remediation=(
        "leave nodeSelector, nodeName and schedulerName out: the zone's own are filled in at admission; "
        "tolerate only taints that are named, and of the zone"
    ),
    controls=(ECSF_DATA, CADA_LOCATION, C3A_LOCATION, GDPR_TRANSFER),
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
        Check(
            ("Pod",),
            "nodeName",
            '!has(variables.pod.nodeName) || variables.pod.nodeName == ""'
            " || (oldObject != null && has(oldObject.spec.nodeName) && oldObject.spec.nodeName == variables.pod.nodeName)",
            "it names its node, and so goes past the scheduler",
        ),
        Check(
            TEMPLATES,
            "nodeName",
            '!has(variables.pod.nodeName) || variables.pod.nodeName == ""',
            "it names its node, and so goes past the scheduler",
        ),
        Check(
            PODS,
            "schedulerName",
            '!has(variables.pod.schedulerName) || variables.pod.schedulerName in ["", "default-scheduler"]',
            "it asks for another scheduler than the cluster's own",
        ),
        Check(
            PODS,
            "tolerations",
            "!has(variables.pod.tolerations) || variables.pod.tolerations.all(t,"
            ' has(t.key) && t.key != "" && t.key != $spare_taint'
            ' && (t.key != $zone_taint || ((!has(t.operator) || t.operator in ["", "Equal"])'
            ' && variables.zone != "" && has(t.value) && t.value == variables.zone)))',
            "it tolerates every taint, another zone's, or that of machines kept ready",
        ),
        Check(
            ("Binding",),
            "target",
            'has(request.userInfo) && request.userInfo.username == "system:kube-scheduler"',
            "only the cluster's own scheduler binds pods to nodes",
        ),
    ),
)

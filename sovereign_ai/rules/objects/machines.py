"""The rule on nodes: who may set the zone and country of a node, and which ones.

Placement trusts a node's labels below `node-restriction.kubernetes.io`, and residency the region of its
topology. The NodeRestriction plugin keeps kubelets from the first. Anybody else who may write nodes could set
any value. So one identity writes them, `sovereign-ai:machines`, which the program impersonates. The audit log
records that beside the person, and it needs a right of its own. An administrator has to do the same.

What the factory notes of a machine is in annotations of its Node: where its repair stands, whether it passed
its acceptance, who cordoned it, what keeps the repair from it. NodeRestriction leaves annotations to the
kubelets, so that a broken or taken machine could pass its own acceptance and go back to work. Machines write
none of these notes, and nobody writes them by `nodes/status`, by which agents on machines report conditions;
nor does a machine lift a cordon of itself.

A stored object does not show who wrote it, since anybody can choose the name of a field manager. So a live
node is judged by its labels alone, and LIV-006 reports who may write nodes.
"""

from __future__ import annotations

from sovereign_ai.names import MANAGEMENT_ROLE
from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.controls import C3A_LOCATION, CADA_LOCATION, ECSF_DATA, GDPR_TRANSFER
from sovereign_ai.rules.duties import NIS2_ACCESS, SNC_LOCATION
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

_LOCATION = (ECSF_DATA, CADA_LOCATION, C3A_LOCATION, GDPR_TRANSFER, SNC_LOCATION)
_TOPOLOGY = (
    '["topology.kubernetes.io/region", "topology.kubernetes.io/zone",'
    ' "failure-domain.beta.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone"]'
)
"""Labels by which volumes find a node's region.

A kubelet and a cloud's controller write them if they are configured to.
"""
# Labels by which pods are placed, data is located, and the factory's own nodes are recognised.
_TRUSTED = (
    "(k.startsWith($restricted)"
    f" || k in [$owner_key, $factory_key, $component_key, $pool_key, $namespace_zone] || k in {_TOPOLOGY})"
)
_USER = "has(request.userInfo) && request.userInfo.username"
# Offline there is no requester: then a node is judged by its labels alone.
_IS_FACTORY = f"({_USER} == $machine_writer)"
# The node controllers of a cloud, under the names that Kubernetes gives them.
_CLOUD = (
    '["system:cloud-controller-manager", "system:serviceaccount:kube-system:cloud-node-controller",'
    ' "system:serviceaccount:kube-system:node-controller"]'
)
_MAY_SET_REGION = (
    '(has(request.userInfo) && (request.userInfo.username == "system:node:" + object.metadata.name'
    f" || request.userInfo.username in {_CLOUD}))"
)
_OWN_REGION = f"(k in {_TOPOLOGY} && {_MAY_SET_REGION})"
_SAME_LABEL = "(k in variables.before && variables.before[k] == variables.labels[k])"
# Both directions: a zone's taint may be neither added nor removed.
_SAME_TAINTS = (
    "variables.taints.all(t, t.key != $zone_taint || variables.taints_before.exists(b, b == t))"
    " && variables.taints_before.all(b, b.key != $zone_taint || variables.taints.exists(t, t == b))"
)
# Without it tenants' pods are placed there. A kubelet may register its node with it.
_KEEPS_ROLE = (
    f"variables.taints_before.all(b, b.key != {literal(MANAGEMENT_ROLE)}"
    " || variables.taints.exists(t, t.key == b.key && t.effect == b.effect))"
)
_NOTE = '!k.startsWith($domain + "/")'
_IS_MACHINE = (
    '(has(request.userInfo) && (request.userInfo.username.startsWith("system:node:")'
    ' || (has(request.userInfo.groups) && "system:nodes" in request.userInfo.groups)))'
)
_BY_STATUS = '(has(request.subResource) && request.subResource == "status")'
_SAME_NOTES = (
    f"variables.notes.all(k, {_NOTE} || (k in variables.notes_before"
    " && variables.notes_before[k] == variables.notes[k]))"
    f" && variables.notes_before.all(k, {_NOTE} || k in variables.notes)"
)
_WAS_CORDONED = "oldObject != null && has(oldObject.spec.unschedulable) && oldObject.spec.unschedulable"
_READ = f"([$zone_key, $jurisdiction_key] + {_TOPOLOGY})"
# A node of a zone that the description no longer has must still be cordoned and drained.
_IS_AS_BEFORE = (
    '(has(request.operation) && request.operation == "UPDATE" && '
    f"{_READ}.all(k, (k in variables.labels) == (k in variables.before)"
    " && (!(k in variables.labels) || variables.labels[k] == variables.before[k])))"
)


def _label(condition: str, message: str) -> RuleCheck:
    """Return a check that a node's labels meet a condition, unless an update leaves the labels that count."""
    return RuleCheck(("Node",), "metadata.labels", f"{_IS_AS_BEFORE} || {condition}", message)


_LABELS_ARE_KEPT = (
    f"{_IS_FACTORY} || (variables.labels.all(k, !{_TRUSTED} || {_SAME_LABEL} || {_OWN_REGION})"
    f" && variables.before.all(k, !{_TRUSTED} || k in variables.labels || {_OWN_REGION}))"
)
_TAINTS_ARE_KEPT = f"{_IS_FACTORY} || ({_SAME_TAINTS} && {_KEEPS_ROLE})"
_NOTES_ARE_KEPT = f"{_IS_FACTORY} || !({_IS_MACHINE} || {_BY_STATUS}) || ({_SAME_NOTES})"
_CORDON_IS_KEPT = (
    f"!{_IS_MACHINE} || !({_WAS_CORDONED}) || (has(object.spec.unschedulable) && object.spec.unschedulable)"
)
_ZONE_EXISTS = "!($zone_key in variables.labels) || variables.labels[$zone_key] in $jurisdictions"
_HAS_ZONE_AND_COUNTRY = "($zone_key in variables.labels) == ($jurisdiction_key in variables.labels)"
_COUNTRY_HAS_SITE = (
    "!($jurisdiction_key in variables.labels)"
    " || $laws.exists(r, $laws[r] == variables.labels[$jurisdiction_key])"
)
# A zone within a region is not compared: only regions belong to a country.
_REGION_IS_IN_COUNTRY = (
    f'!($jurisdiction_key in variables.labels) || {_TOPOLOGY}.all(k, !k.endsWith("region")'
    " || !(k in variables.labels)"
    " || (variables.labels[k] in $laws && $laws[variables.labels[k]] == variables.labels[$jurisdiction_key]))"
)
MACHINES = Rule(
    id="NOD-001",
    title=(
        "Only the factory's own identity says in which zone and country a machine is, and only as planned; "
        "no machine notes of itself that it is well"
    ),
    severity="critical",
    rationale=(
        "Whoever relabels a machine moves every pod of a zone to it, and every volume: under another law, "
        "or beside another tenant. A machine that names a zone of the factory and a country where it has "
        "none is believed all the same. A machine that writes its own acceptance, or lifts its own cordon, "
        "gets work while it is broken or in other hands."
    ),
    remediation=(
        "describe the machine and deploy; manually only with `kubectl --as sovereign-ai:machines --as-group "
        "GROUP`, which the audit log shows; notes on a machine are written by `sovereign-ai repair`"
    ),
    controls=(*_LOCATION, NIS2_ACCESS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Node",),
            "metadata.labels",
            _LABELS_ARE_KEPT,
            "somebody else than the factory says where it is or whose",
        ),
        RuleCheck(
            ("Node",),
            "spec.taints",
            _TAINTS_ARE_KEPT,
            "somebody else than the factory dedicates it to a zone, or opens it to others",
        ),
        RuleCheck(
            ("Node",),
            "metadata.annotations",
            _NOTES_ARE_KEPT,
            "a machine, or an agent by its status, writes what the factory notes of it",
        ),
        RuleCheck(
            ("Node",),
            "spec.unschedulable",
            _CORDON_IS_KEPT,
            "a machine lifts a cordon of itself",
        ),
        _label(
            _ZONE_EXISTS,
            "it passes for a machine of a zone that the factory does not have",
        ),
        _label(
            _HAS_ZONE_AND_COUNTRY,
            "it names a zone without a country, or a country without a zone",
        ),
        _label(
            _COUNTRY_HAS_SITE,
            "it names a country where the factory has no site",
        ),
        _label(
            _REGION_IS_IN_COUNTRY,
            "its region is not in the country that it names",
        ),
    ),
)

RULES = (MACHINES,)

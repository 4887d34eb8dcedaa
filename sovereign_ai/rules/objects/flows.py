"""The rule on flows: a network policy in a zone's namespace opens declared flows only.

Network policies add up, so one that is too wide undoes all the others. Every peer must be the own namespace,
or a zone or gateway to which a flow is declared. For another zone or a gateway every port must be declared as
well. Pod selectors, exceptions and parts of a declared range only narrow, and are free.

Names are asked of the cluster's DNS pods alone. Whatever else runs in their namespace may answer at the same
port, and may pass on what it hears, so a peer there must select these pods.
"""

from __future__ import annotations

from sovereign_ai.rules.context import DNS_NAMESPACE, DNS_POLICY
from sovereign_ai.rules.controls import C3A_GATEWAYS, ECSF_DATA, HARDENING
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

# The API server puts this label on every namespace, and nobody can change it.
_NAME = "kubernetes.io/metadata.name"
_LABELS = "p.namespaceSelector.matchLabels"
_HAS_LABELS = f"has(p.namespaceSelector) && has({_LABELS})"
_OWN = (
    "(!has(p.ipBlock) && (!has(p.namespaceSelector) ? has(p.podSelector)"
    f' : (has({_LABELS}) && "{_NAME}" in {_LABELS} && {_LABELS}["{_NAME}"] == object.metadata.namespace)))'
)
# `?` is in no opening, so a peer that no label names is refused.
_PEER = (
    '(has(p.ipBlock) ? "?"'
    f' : (!({_HAS_LABELS}) ? "?"'
    f' : ($namespace_zone in {_LABELS} ? ("zone:" + {_LABELS}[$namespace_zone])'
    f' : ("{_NAME}" in {_LABELS} ? ({_LABELS}["{_NAME}"] in $namespaces'
    f' ? ("zone:" + $namespaces[{_LABELS}["{_NAME}"]]) : ("namespace:" + {_LABELS}["{_NAME}"])) : "?"))))'
)


_DNS_LABEL, _DNS_PODS = "k8s-app", "kube-dns"
"""The label of the cluster's DNS pods, which CoreDNS has kept from kube-dns."""
_SELECTED = "p.podSelector.matchLabels"
# Only for a peer whose way is declared, which has labels of namespaces therefore.
_SELECTS_DNS_PODS = (
    f'(!("{_NAME}" in {_LABELS}) || {_LABELS}["{_NAME}"] != "{DNS_NAMESPACE}"'
    f" || (has(p.podSelector) && has({_SELECTED})"
    f' && "{_DNS_LABEL}" in {_SELECTED} && {_SELECTED}["{_DNS_LABEL}"] == "{_DNS_PODS}"))'
)


def _opens_only_declared(direction: str, peers: str, way: str) -> str:
    """Return CEL: network policies open declared flows only, in one direction.

    Args:
        direction: `ingress` or `egress`.
        peers: the field that lists the peers of a rule.
        way: CEL that joins the peer `p` and the own zone in the direction of the flow.
    """
    port = '(has(q.protocol) ? q.protocol : "TCP") + "/" + string(q.port)'
    declared = f'({way} + "/" + {port}) in $openings'
    if direction == "egress":
        # A part of a declared range is as permitted as the range: texts cannot tell, so ranges are compared.
        within = f"d[0] == variables.zone && d[1] == {port} && cidr(d[2]).containsCIDR(p.ipBlock.cidr)"
        in_range = f"isCIDR(p.ipBlock.cidr) && $ranges.exists(d, {within})"
        declared = f"(has(p.ipBlock) ? ({in_range}) : (({declared} && {_SELECTS_DNS_PODS})))"
    # A named port may have any number in a pod, and `endPort` opens a range, unless it ends where it begins.
    # Only a single number can be compared.
    return (
        f"!has(object.spec) || !has(object.spec.{direction}) || object.spec.{direction}.all(r,"
        f" has(r.{peers}) && size(r.{peers}) > 0 && r.{peers}.all(p, {_OWN}"
        " || (has(r.ports) && size(r.ports) > 0 && r.ports.all(q,"
        f" has(q.port) && type(q.port) == int && (!has(q.endPort) || q.endPort == q.port) && {declared}))))"
    )


_INGRESS_IS_DECLARED = _opens_only_declared("ingress", "from", f'{_PEER} + ">zone:" + variables.zone')
_EGRESS_IS_DECLARED = _opens_only_declared("egress", "to", f'"zone:" + variables.zone + ">" + {_PEER}')
# The factory's own policy on the cluster's DNS lies outside its zones, and opens the ranges of the zone `?`.
_IS_IN_SCOPE = (
    "variables.known || (size($dns_zones) > 0"
    f' && object.metadata.namespace == "{DNS_NAMESPACE}" && object.metadata.name == "{DNS_POLICY}")'
)
FLOWS = Rule(
    id="FLW-001",
    title="Network policies in a zone open declared flows only",
    severity="critical",
    rationale=(
        "An empty list of peers, a selector of all namespaces or a wide address range opens a zone to "
        "everybody, however many other policies deny. Addresses are open only where a gateway with a named "
        "legal entity stands behind them."
    ),
    remediation=(
        "declare the flow under the zone's `allow`, or the way out under `gateways`; then it is opened for "
        "you"
    ),
    controls=(C3A_GATEWAYS, HARDENING, ECSF_DATA),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("NetworkPolicy",),
            "metadata.namespace",
            _IS_IN_SCOPE,
            "its namespace belongs to no zone of this factory",
        ),
        RuleCheck(
            ("NetworkPolicy",),
            "spec.ingress",
            _INGRESS_IS_DECLARED,
            "it lets in more than a declared flow",
        ),
        RuleCheck(
            ("NetworkPolicy",),
            "spec.egress",
            _EGRESS_IS_DECLARED,
            "it lets out more than a declared flow",
        ),
    ),
)

RULES = (FLOWS,)

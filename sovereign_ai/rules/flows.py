"""Flows: a network policy in a zone's namespace opens what the description declares, and nothing more.

Network policies add up, so one that is too wide undoes all the others. Every peer must be the own
namespace, a zone or a gateway to which a flow is declared; with another zone or a gateway every
port must be declared as well. What only narrows (pod selectors, exceptions) is free.
"""

from __future__ import annotations

from sovereign_ai.rules.controls import C3A_GATEWAYS, ECSF_DATA, HARDENING
from sovereign_ai.rules.rule import OBJECT_PLACES, Check, Rule

_NAME = "kubernetes.io/metadata.name"
_LABELS = "p.namespaceSelector.matchLabels"
_HAS_LABELS = f"has(p.namespaceSelector) && has({_LABELS})"
_OWN = (
    "(!has(p.ipBlock) && (!has(p.namespaceSelector) ? has(p.podSelector)"
    f' : (has({_LABELS}) && "{_NAME}" in {_LABELS} && {_LABELS}["{_NAME}"] == object.metadata.namespace)))'
)
_PEER = (
    '(has(p.ipBlock) ? ("cidr:" + p.ipBlock.cidr)'
    f' : (!({_HAS_LABELS}) ? "?"'
    f' : ($namespace_zone in {_LABELS} ? ("zone:" + {_LABELS}[$namespace_zone])'
    f' : ("{_NAME}" in {_LABELS} ? ({_LABELS}["{_NAME}"] in $namespaces'
    f' ? ("zone:" + $namespaces[{_LABELS}["{_NAME}"]]) : ("namespace:" + {_LABELS}["{_NAME}"])) : "?"))))'
)


def _opens_only_declared(direction: str, peers: str, way: str) -> str:
    """Write the expression for one direction; `way` joins the peer `p` and the own zone in the flow's direction."""
    port = '(has(q.protocol) ? q.protocol : "TCP") + "/" + string(q.port)'
    return (
        f"!has(object.spec) || !has(object.spec.{direction}) || object.spec.{direction}.all(r,"
        f" has(r.{peers}) && size(r.{peers}) > 0 && r.{peers}.all(p, {_OWN}"
        " || (has(r.ports) && size(r.ports) > 0 && r.ports.all(q,"
        f' has(q.port) && !has(q.endPort) && type(q.port) == int && ({way} + "/" + {port}) in $openings))))'
    )


FLOWS = Rule(
    id="FLW-001",
    title="Network policies in a zone open declared flows only",
    severity="critical",
    rationale=(
        "An empty list of peers, a selector of all namespaces or a wide address range opens a zone to everybody, however many "
        "other policies deny. Addresses are open only where a gateway with a named legal entity stands behind them."
    ),
    remediation="declare the flow under the zone's `allow`, or the way out under `gateways`; then it is opened for you",
    controls=(C3A_GATEWAYS, HARDENING, ECSF_DATA),
    places=OBJECT_PLACES,
    checks=(
        Check(("NetworkPolicy",), "metadata.namespace", "variables.known", "its namespace belongs to no zone of this factory"),
        Check(
            ("NetworkPolicy",),
            "spec.ingress",
            _opens_only_declared("ingress", "from", f'{_PEER} + ">zone:" + variables.zone'),
            "it lets in more than a declared flow",
        ),
        Check(
            ("NetworkPolicy",),
            "spec.egress",
            _opens_only_declared("egress", "to", f'"zone:" + variables.zone + ">" + {_PEER}'),
            "it lets out more than a declared flow",
        ),
    ),
)

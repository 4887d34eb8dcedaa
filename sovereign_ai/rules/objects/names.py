r"""The rule on the cluster's DNS: it passes on declared names alone, to declared resolvers alone.

CoreDNS does what its Corefile says, and that is far more than to pass names on: it reads further files, other
clusters and clouds, rewrites names, and answers from lists. So each line must be one that is known to lead
nowhere, or a `forward` that names both what it passes on and to whom. Everything else is refused.

A Corefile is recognised wherever it lies in the namespace of the cluster's DNS: by the names of keys that are
mounted or imported, and by its shape.
"""

from __future__ import annotations

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.context import DNS_NAMESPACE
from sovereign_ai.rules.controls import C3A_GATEWAYS, ECSF_DATA, GDPR_TRANSFER, HARDENING
from sovereign_ai.rules.kinds import OTHER
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

_KEY = "/ConfigMap"
_ZONE = r"(?:(?:dns://)?(?:\.|[a-z0-9_-]+(?:\.[a-z0-9_-]+)+\.?)(?::53)?)"
"""A name of a block, which has a dot: no plugin's name has one."""
_NAMES = r"(?: (?:\.|[a-z0-9.-]+))*"
# Documentation of CoreDNS 1.14, its plugins, read 2026-11-27. Left out is what reads other files or asks
# somebody (`import`, `hosts`, `file`, `etcd`, `grpc`, `route53`, …), what changes a name (`rewrite`), and
# what answers in the place of others (`template` with an answer).
_HARMLESS = (
    r"\}",
    rf"{_ZONE}(?:[ ,]+{_ZONE})* ?\{{",
    # Plugins.
    r"any",
    r"bufsize(?: [0-9]+)?",
    rf"cache(?: [0-9]+)?{_NAMES}(?: \{{)?",
    r"errors",
    r"health(?: :[0-9]+)?(?: \{)?",
    rf"kubernetes{_NAMES}(?: \{{)?",
    r"loadbalance(?: round_robin)?",
    r"log",
    r"loop",
    r"minimal",
    r"prometheus(?: [0-9.]*:[0-9]+)?",
    r"ready(?: :[0-9]+)?",
    r"reload(?: [0-9]+[sm])*",
    r"template (?:ANY|IN) (?:ANY|A|AAAA)(?: \.)? \{",
    # What stands in the blocks of these plugins, and of `forward`.
    r"(?:denial|success|prefetch|serve_stale|max_concurrent|max_fails|ttl)(?: [0-9]+[smh%]?)*",
    rf"disable (?:denial|success){_NAMES}",
    r"endpoint_pod_names",
    r"expire [0-9]+s",
    rf"fallthrough{_NAMES}",
    r"force_tcp",
    r"health_check [0-9.]+m?s(?: no_rec)?",
    r"lameduck [0-9]+s",
    r"noendpoints",
    r"pods (?:disabled|insecure|verified)",
    r"policy (?:random|round_robin|sequential)",
    r"prefer_udp",
    r"rcode (?:NXDOMAIN|REFUSED)",
)
_LINE = "^(?:" + "|".join(_HARMLESS) + ")$"
_FORWARDS = (
    'size(t) >= 3 && t[0] == "forward" && $dns_names.exists(n, t[1] == n || t[1].endsWith("." + n))'
    ' && t.all(w, w in ["forward", "{", t[1]] || w in $dns_resolvers)'
)
# Tabs and several spaces divide words as one space does.
_WORDS = 'l.replace("\\t", " ").split(" ").filter(w, w != "")'
_LINES = (
    f'object.data[k].split("\\n").map(l, l.trim()).filter(l, l != "" && !l.startsWith("#")).map(l, {_WORDS})'
)
_IS_PERMITTED = f'{_LINES}.all(t, t.join(" ").matches({literal(_LINE)}) || ({_FORWARDS}))'
_COREFILE_KEYS = "(?i)^corefile$|[.](?:server|override)$"
_SHAPE = r"(?m)^[ \t]*(?:forward|proxy|grpc)[ \t].*$"
_IS_COREFILE = (
    f"k.matches({literal(_COREFILE_KEYS)})"
    f' || (object.data[k].contains("{{") && object.data[k].matches({literal(_SHAPE)}))'
)
# Settings of kube-dns, which node-local caches read too (Kubernetes documentation, Customizing DNS Service).
_STUBS = '["stubDomains", "upstreamNameservers"]'
_IN_DNS = f'object.metadata.namespace in ["{DNS_NAMESPACE}", $system]'
_IS_ELSEWHERE = f"!has(object.metadata.namespace) || !({_IN_DNS})"
CONFIGURES_DNS = (
    'object.kind == "ConfigMap" && ((has(object.data)'
    f" && object.data.exists(k, k in {_STUBS} || {_IS_COREFILE}))"
    f" || (has(object.binaryData) && object.binaryData.exists(k, k in {_STUBS}"
    f" || k.matches({literal(_COREFILE_KEYS)}))))"
)
"""CEL: an object holds what the cluster's DNS is configured by, if it lies in the namespace of that DNS."""
_PASSES_ON_DECLARED = (
    f"{_IS_ELSEWHERE} || !has(object.data) || object.data.all(k, !({_IS_COREFILE}) || {_IS_PERMITTED})"
)
_HAS_NO_STUBS = f"{_IS_ELSEWHERE} || !has(object.data) || object.data.all(k, !(k in {_STUBS}))"
_IS_READABLE = (
    f"{_IS_ELSEWHERE} || !has(object.binaryData)"
    f" || object.binaryData.all(k, !k.matches({literal(_COREFILE_KEYS)}) && !(k in {_STUBS}))"
)


def _check(field: str, condition: str, message: str) -> RuleCheck:
    """Return a check on ConfigMaps, which are judged with the kinds of add-ons."""
    expression = f'(variables.key != "{_KEY}" || ({condition}))'
    return RuleCheck((OTHER.name,), field, expression, message, rows=((_KEY, condition),))


RESOLVED = Rule(
    id="NET-011",
    title="The cluster's DNS passes on declared names alone, to declared resolvers alone",
    severity="critical",
    rationale=(
        "Every pod may ask the cluster's DNS, and a name that it passes on is a message to whoever answers: "
        "no network policy of a zone sees it leave."
    ),
    remediation=(
        "take the Corefile of ConfigMap sovereign-system/cluster-dns, or declare the name or the resolver "
        "under `dns`"
    ),
    controls=(C3A_GATEWAYS, ECSF_DATA, HARDENING, GDPR_TRANSFER),
    places=OBJECT_PLACES,
    checks=(
        _check(
            "data",
            _PASSES_ON_DECLARED,
            "a line of a Corefile passes names on that are not declared, or to others, or does what may lead "
            "elsewhere",
        ),
        _check("data", _HAS_NO_STUBS, "it names resolvers besides the declared ones"),
        _check("binaryData", _IS_READABLE, "it hides the configuration of the cluster's DNS from review"),
    ),
    only_with="dns_zones",
)

RULES = (RESOLVED,)

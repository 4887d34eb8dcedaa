"""The rule on the network plugin's own settings: its policies hold, and nobody else says who is who.

Cilium reads its settings from ConfigMap `kube-system/cilium-config`. One of them switches the enforcement of
all policies off, another lets machines of other clusters pass as the cluster's own. Most of its some hundred
settings do neither, so what is dangerous is listed, with the values that are permitted.

    >>> DANGEROUS["policy-audit-mode"]
    '^(?:0|[fF]|false|False|FALSE)?$'
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.context import DNS_NAMESPACE
from sovereign_ai.rules.controls import C3A_GATEWAYS, ECSF_DATA, GDPR_TRANSFER, HARDENING
from sovereign_ai.rules.kinds import OTHER
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

_KEY = "/ConfigMap"
_NAME = "cilium-config"
# What Go's `strconv.ParseBool` reads. An empty text is false.
_OFF = "^(?:0|[fF]|false|False|FALSE)?$"
_ON = "^(?:1|[tT]|true|True|TRUE)$"
_EMPTY = r"^(?:\{\})?$"
_LOCAL_LISTENER = r"^(?:localhost|127\.0\.0\.1|\[?::1\]?)?(?::[0-9]{1,5})?$"
_PRIVATE_ADDRESS = (
    r"127\.0\.0\.1|10(?:\.[0-9]{1,3}){3}|192\.168(?:\.[0-9]{1,3}){2}"
    r"|172\.(?:1[6-9]|2[0-9]|3[01])(?:\.[0-9]{1,3}){2}|\[(?:::1|[fF][cCdD][0-9a-fA-F]{2}:[0-9a-fA-F:]+)\]"
)
# The API server's own name, or one that no public name server answers for: RFC 6762 (`local`), RFC 8375
# (`home.arpa`), and ICANN's reservation of `internal` (resolution 2024.07.29.06).
_PRIVATE_NAME = (
    r"localhost|kubernetes(?:\.default(?:\.svc)?)?|(?:[a-zA-Z0-9-]+\.)+(?:internal|local|home\.arpa)\.?"
)
_PRIVATE_URL = rf"(?:https://)?(?:{_PRIVATE_ADDRESS}|{_PRIVATE_NAME})(?::[0-9]{{1,5}})?/?"
_PRIVATE_SERVER = rf"^(?:{_PRIVATE_URL}(?:[\s,]+|$))*$"
# Amazon's own names for the API of the machines that the cluster runs on, in all its partitions.
_CLOUD_OF_MACHINES = (
    rf"^(?:(?:https://)?ec2\.[a-z0-9-]+\.(?:amazonaws\.(?:com|com\.cn|eu)|api\.aws)/?|{_PRIVATE_URL})?$"
)
# What is left out of an identity is a regular expression that begins where the label does, behind its source
# (docs.cilium.io, "Limiting Identity-Relevant Labels", and `parseLabelPrefix` in Cilium, read 2026-11-28). It
# must not reach the labels by which policies select: those of the namespace (`io.kubernetes.pod.namespace`,
# `io.cilium.k8s.…`), `k8s-app` of the cluster's DNS, and `reserved`.
_LEFT_OUT = (
    r"(?:k8s:)?!(?:[a-hj-jl-qs-zA-Z]|i[a-np-z0-9-]|k[a-z0-79-]|r[a-df-z0-9-]|re[a-rt-z0-9-])"
    r"(?:[A-Za-z0-9_/-]|\\?\.)*(?:\.\*)?\$?"
)
_TAKEN_IN = r"(?:[a-z0-9]+:)?(?:[A-Za-z0-9_/-]|\\?\.)+\*?\$?"
_FILTER = rf"(?:{_LEFT_OUT}|{_TAKEN_IN})"
# With one label that is taken in, all but Cilium's own four are left out, `k8s-app` too.
_FILTERS = (
    rf"^(?:{_LEFT_OUT}(?:[\s,]+{_LEFT_OUT})*"
    rf"|(?:{_FILTER}[\s,]+)*(?:k8s:)?k8s-app(?:[\s,]+{_FILTER})*)?$"
)
_IN_CLUSTER = r"^(?:[a-z0-9-]+(?:\.[a-z0-9-]+)?\.svc(?:\.cluster\.local)?(?::[0-9]{1,5})?)?$"

DANGEROUS: Mapping[str, str] = MappingProxyType(
    {
        # Whether policies are enforced, and for whom.
        "allow-localhost": "^(?:auto|policy)?$",
        "disable-conntrack": _OFF,
        "dns-policy-unload-on-shutdown": _OFF,
        "dry-mode": _OFF,
        "enable-cilium-clusterwide-network-policy": _ON,
        "enable-cilium-network-policy": _ON,
        "enable-k8s-networkpolicy": _ON,
        "enable-policy": "^(?:default|always)?$",
        "enable-source-ip-verification": _ON,
        "policy-audit-mode": _OFF,
        "policy-cidr-match-mode": "^$",
        "static-cnp-path": "^$",
        # Who is who: which labels make an identity, and who else may say so.
        "clustermesh-config": "^$",
        "clustermesh-enable-endpoint-sync": _OFF,
        "clustermesh-enable-mcs-api": _OFF,
        "enable-clustermesh": _OFF,
        "enable-external-workloads": _OFF,
        "etcd-config": "^$",
        "fixed-identity-mapping": _EMPTY,
        "identity-allocation-mode": "^(?:crd)?$",
        "k8s-api-server": _PRIVATE_SERVER,
        "k8s-api-server-urls": _PRIVATE_SERVER,
        "kvstore": "^$",
        "kvstore-opt": _EMPTY,
        "label-prefix-file": "^$",
        "labels": _FILTERS,
        "mesh-auth-spire-server-address": _IN_CLUSTER,
        # Whom it tells, or asks: flows without TLS, memory, tunnels to others, and clouds.
        "ec2-api-endpoint": _CLOUD_OF_MACHINES,
        "enable-vtep": _OFF,
        "hubble-disable-tls": _OFF,
        "pprof-address": _LOCAL_LISTENER,
        "vtep-endpoint": "^$",
    }
)
"""The permitted values of each setting that can undo a policy, as a regular expression; in lower case.

Written from the references of `cilium-agent` and of the chart of Cilium 1.19 (docs.cilium.io, read
2026-11-28).
"""
# Sources of further settings: other ConfigMaps would not be judged. JSON has many spellings of a name, so
# the permitted ones are listed. CiliumNodeConfig is judged by its own fields.
_SOURCES = (
    r'^\s*(?:\[(?:\s*\{(?:\s*"(?:kind"\s*:\s*"(?:config-map|cilium-node-config)|namespace"\s*:\s*"kube-system'
    rf'|name"\s*:\s*"{_NAME})"\s*,?)*\s*\}}\s*,?)*\s*\])?\s*$'
)

_TABLE = literal(dict(DANGEROUS))
_VALUE = "object.data[k]"
_SETTING = "k.lowerAscii()"
# A server of the cluster's own API may have a public name, which the description then states.
_SERVER = r"^(?:https://)?[A-Za-z0-9.-]+(?::[0-9]{1,5})?/?$"
_DECLARED_HOST = (
    f"(u.matches({literal(_SERVER)})"
    ' && u.replace("https://", "").split("/")[0].split(":")[0] in $outside.map(g, g[1]))'
)
_IS_DECLARED = (
    f'({_SETTING} in ["k8s-api-server", "k8s-api-server-urls"]'
    f' && {_VALUE}.trim().replace(",", " ").split(" ")'
    f".all(u, u.matches({literal(_PRIVATE_SERVER)}) || {_DECLARED_HOST}))"
)
_IS_PERMITTED = (
    f"(!({_SETTING} in {_TABLE}) || {_VALUE}.trim().matches({_TABLE}[{_SETTING}]) || {_IS_DECLARED})"
)
_IS_SOURCE = f'{_SETTING}.startsWith("config-sources")'
_HAS_NO_OTHER_SOURCE = f"(!{_IS_SOURCE} || {_VALUE}.matches({literal(_SOURCES)}))"
CONFIGURES_PLUGIN = f'object.kind == "ConfigMap" && object.metadata.name == "{_NAME}"'
"""CEL: an object holds the settings of the network plugin, if it lies in the namespace of the system."""
_IS_OTHER = (
    f'object.metadata.name != "{_NAME}" || !has(object.metadata.namespace)'
    f' || object.metadata.namespace != "{DNS_NAMESPACE}"'
)
_KEEPS_POLICIES = (
    f"{_IS_OTHER} || ((!has(object.data) || object.data.all(k, {_IS_PERMITTED} && {_HAS_NO_OTHER_SOURCE}))"
    " && (!has(object.binaryData) || size(object.binaryData) == 0))"
)

SETTINGS = Rule(
    id="NET-012",
    title="The network plugin's settings keep its policies enforced, and identities the cluster's own",
    severity="critical",
    rationale=(
        "One line of the plugin's settings turns every network policy off, or lets other clusters say which "
        "of their machines pass as this cluster's pods."
    ),
    remediation=(
        "leave the setting at Cilium's own default, or install the plugin so that policies are enforced and "
        "identities are stored in Kubernetes"
    ),
    controls=(C3A_GATEWAYS, ECSF_DATA, HARDENING, GDPR_TRANSFER),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            (OTHER.name,),
            "data",
            f'(variables.key != "{_KEY}" || ({_KEEPS_POLICIES}))',
            "a setting of the network plugin turns policies off, joins other clusters or tells of flows",
            rows=((_KEY, _KEEPS_POLICIES),),
        ),
    ),
)

RULES = (SETTINGS,)

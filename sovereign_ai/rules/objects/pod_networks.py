r"""The rule on what a pod's annotations say about its network: which one it joins, and with which address.

Network plugins read annotations of pods, and write some themselves. What they write they read back, so that
whoever else may write it has the plugin's say. Annotations below a plugin's domain are of three sorts:

* *Requests* join another network, or choose an address, a route or a gateway. They are refused.
* *Reports*, in which nothing can be asked for: what Multus lists, and in the plugins' own fields values that
  lead nowhere.
* *Records* are what the plugin reads back. Nobody may create a pod with one; the plugin's own account writes
  it by an update, and from then on it stays as it is. OVN-Kubernetes' own webhook (ovnkube-identity) asks the
  same, where it is installed.

    >>> REPORTS["k8s.v1.cni.cncf.io/network-status"]
    ''
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.controls import C3A_LOCATION, CADA_LOCATION, ECSF_DATA, GDPR_TRANSFER
from sovereign_ai.rules.duties import SNC_LOCATION
from sovereign_ai.rules.kinds import TEMPLATES
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

_LOCATION = (ECSF_DATA, CADA_LOCATION, C3A_LOCATION, GDPR_TRANSFER, SNC_LOCATION)

# Read for this on 2026-11-28, in their source: OVN-Kubernetes (pkg/util/pod_annotation.go, pkg/ovnwebhook),
# Kube-OVN (pkg/util/const.go, pkg/controller/pod.go), Calico (libcalico-go/lib/backend/k8s/conversion), and
# names in Antrea and Amazon's VPC CNI; in their documentation: Cilium ("Pod Annotations", "Multi-Pool"), GKE
# and Alibaba Cloud. The domains of others are refused as a whole: what is below them was not read.
_OVN, _KUBE_OVN = r"k8s\.ovn\.org/", r"(?:[A-Za-z0-9.-]+\.)?ovn\.kubernetes\.io/"
# For a network beside its own, Kube-OVN puts that network's provider before the domain of Kubernetes.
_KUBE_OVN_FIELDS = (
    "aaps|activation_strategy|allocated|cidr|default_route|dhcp-v[46]-options|gateway"
    "|ip_(?:address|family|pool)|layer2_forward|logical_(?:router|switch)|mac_address|pod_nic_type"
    "|port_(?:security|vips)|provider_network|route[ds]|security_groups|vf(?:_representor)?|virtualmachine"
    "|vlan_id"
)
_DOMAINS = (
    r"v1\.multus-cni\.io/",
    r"k8s\.v1\.cni\.cncf\.io/",
    _OVN,
    _KUBE_OVN,
    rf"[A-Za-z0-9.-]+\.kubernetes\.io/(?:{_KUBE_OVN_FIELDS})$",
    r"(?:cni|egress)\.projectcalico\.org/",
    r"(?:cni|ipam|network|policy)\.cilium\.io/",
    r"io\.cilium[./]",
    r"network\.v1alpha1\.isovalent\.com/",
    r"(?:ipam|pod|egress|secondary-network)\.antrea\.io/",
    r"nodeportlocal\.antrea\.io$",
    r"vpc\.amazonaws\.com/",
    r"networking\.gke\.io/(?:default-)?interfaces?$",
    r"(?:acn|cns)\.azure\.com/|kubernetes\.azure\.com/pod-?network",
    r"k8s\.aliyun\.com/|network\.alibabacloud\.com/|networking\.alibaba\.com/",
    r"tke\.cloud\.tencent\.com/|yangtse\.io/",
    r"(?:cni|ipam)\.spidernet\.io/",
    r"danm(?:\.k8s)?\.io/",
    r"(?:[a-z]+\.)?networkservicemesh\.io(?:/|$)",
    r"pod\.network\.openshift\.io/",
    r"(?:net|kube-manager)\.juniper\.net/|opflex\.cisco\.com/|nuage\.io/|ncp/",
    r"kube-router\.io/",
)
OF_PLUGIN = f"^(?:{'|'.join(_DOMAINS)})"
"""Annotations below a network plugin's domain, as a regular expression."""

# What narrows or measures: it costs the pod itself, and nobody else.
_HARMLESS = (
    r"cni\.cilium\.io/mac-address",
    rf"{_KUBE_OVN}(?:ingress|egress)_(?:rate|burst)",
    rf"{_KUBE_OVN}(?:latency|limit|loss|jitter)",
)
_IS_HARMLESS = f"^(?:{'|'.join(_HARMLESS)})$"

REPORTS: Mapping[str, str] = MappingProxyType(
    {
        # Multus and its kind write these. Only OVN-Kubernetes reads them back, of pods that an administrator
        # made other pods' gateways.
        "k8s.v1.cni.cncf.io/network-status": "",
        "k8s.v1.cni.cncf.io/networks-status": "",
        "ovn.kubernetes.io/allocated": "^true$",
        "ovn.kubernetes.io/logical_switch": "^ovn-default$",
        "ovn.kubernetes.io/routed": "^true$",
    }
)
"""Annotations that a plugin writes, each with a pattern of the values that anybody may; empty for any."""

_WRITTEN_BY_KUBE_OVN = (
    "allocated|cidr|gateway|ip_address|logical_(?:router|switch)|mac_address|pod_nic_type|provider_network"
    "|routed|vf(?:_representor)?|virtualmachine|vlan_id"
)
# Calico believes the addresses on a pod until the kubelet has reported some, and as ranges too: with
# `10.0.0.7/8` a pod that never starts would be, to every policy, all that is in there. An empty one takes it
# out of policies.
_RECORDS = (
    rf"{_OVN}(?:pod-networks|dpu\.connection-(?:details|status))",
    rf"[A-Za-z0-9.-]+\.kubernetes\.io/(?:{_WRITTEN_BY_KUBE_OVN})",
    r"cni\.projectcalico\.org/(?:podIPs?|containerID)",
    r"vpc\.amazonaws\.com/(?:pod-(?:eni|ips)|PrivateIPv4Address)",
    r"nodeportlocal\.antrea\.io",
)
_IS_RECORD = f"^(?:{'|'.join(_RECORDS)})$"

# Of a namespace that others use too, such as `kube-system`, not every account is a plugin's: `job-controller`
# and `persistent-volume-binder` lie there, and what an administrator installs.
_ACCOUNTS: Mapping[str, str] = MappingProxyType(
    {
        "antrea-system": "antrea-agent antrea-controller",
        "calico-system": "calico-cni-plugin calico-kube-controllers calico-node",
        "kube-ovn": "kube-ovn-app kube-ovn-cni ovn ovn-ovs",
        "kube-system": (
            "antrea-agent antrea-controller aws-node calico-cni-plugin "
            "calico-kube-controllers calico-node canal eks-vpc-resource-controller "
            "kube-ovn-app kube-ovn-cni ovn ovn-ovs"
        ),
        "openshift-ovn-kubernetes": (
            "ovn-kubernetes-control-plane ovn-kubernetes-controller ovn-kubernetes-node"
        ),
        "ovn-kubernetes": (
            "ovn ovnkube-cluster-manager ovnkube-control-plane ovnkube-db ovnkube-master ovnkube-node"
        ),
    }
)
"""Service accounts of network plugins that note on pods what they gave them, by namespace.

Read on 2026-11-28 in the manifests and charts of Antrea, Calico and its operator, Kube-OVN, OVN-Kubernetes
and OpenShift. Others are listed in the description.
"""
PLUGIN_ACCOUNTS = tuple(
    f"system:serviceaccount:{namespace}:{name}"
    for namespace, names in _ACCOUNTS.items()
    for name in names.split()
)
"""The same as names of users."""
# Amazon runs the controller beside the API server, with a name of its own.
_CONTROLLERS = ("eks:vpc-resource-controller",)
# A plugin that runs on a machine may have that machine's name in its certificate.
_ON_MACHINES = ("system:multus:", "system:node:", "system:ovn-node:")

_NAME = "request.userInfo.username"
_IS_ON_POD_S_MACHINE = (
    "(has(object.spec.nodeName)"
    f" && {literal(list(_ON_MACHINES))}.exists(m, {_NAME} == m + object.spec.nodeName))"
)
# An account of the factory's own namespaces never is a plugin's.
_IS_ACCOUNT = (
    f"(({_NAME} in {literal(list(PLUGIN_ACCOUNTS))} || {_NAME} in $network_accounts)"
    f' && !({_NAME}.split(":")[2] in $namespaces))'
)
_BY_PLUGIN = (
    f"(oldObject != null && has(request.userInfo) && ({_NAME} in {literal(list(_CONTROLLERS))}"
    f" || {_IS_ON_POD_S_MACHINE} || {_IS_ACCOUNT}))"
)
_BEFORE = "oldObject.metadata.annotations"
_HAS_BEFORE = f"oldObject != null && has({_BEFORE})"
_IS_AS_BEFORE = f"({_HAS_BEFORE} && k in {_BEFORE} && {_BEFORE}[k] == variables.annotations[k])"

_NETWORKS = "k8s.v1.cni.cncf.io/networks"
"""Multus attaches a pod to these."""
_ATTACHMENT = "k8s.cni.cncf.io/NetworkAttachmentDefinition"
# A name alone is a network of the own namespace. `namespace/name` and JSON name any.
_OWN_NETWORKS = (
    f'(k == "{_NETWORKS}" && $allowed_kinds.exists(a, a[0] == variables.zone && a[1] == "{_ATTACHMENT}")'
    ' && variables.annotations[k].matches("^[a-z0-9-]+(@[a-z0-9-]+)?(, ?[a-z0-9-]+(@[a-z0-9-]+)?)*$"))'
)
_REPORTED = literal(dict(REPORTS))
_IS_REPORT = f"(k in {_REPORTED} && variables.annotations[k].matches({_REPORTED}[k]))"


def _are_no_requests(more: str = "") -> str:
    """Return CEL: no annotation or label asks a network plugin for something.

    Args:
        more: further condition on which an annotation `k` is permitted.
    """
    permitted = f"k.matches({literal(_IS_HARMLESS)}) || {_IS_REPORT} || {_OWN_NETWORKS}{more}"
    annotations = f"variables.annotations.all(k, !k.matches({literal(OF_PLUGIN)}) || {permitted})"
    # Azure's plugin reads this label of a pod.
    labels = 'variables.labels.all(k, !k.startsWith("kubernetes.azure.com/pod-network"))'
    return f"{annotations} && {labels}"


_POD_REQUESTS_NO_NETWORK = _are_no_requests(
    f" || (k.matches({literal(_IS_RECORD)}) && ({_IS_AS_BEFORE} || {_BY_PLUGIN}))"
)
_KEEPS_RECORDS = (
    f"!({_HAS_BEFORE}) || {_BEFORE}.all(k, k in variables.annotations"
    f" || !k.matches({literal(_IS_RECORD)}) || {_BY_PLUGIN})"
)
NETWORKS = Rule(
    id="PLC-011",
    title="Pods join no network beside the cluster's own",
    severity="critical",
    rationale=(
        "On a second network no network policy holds, and it may end anywhere: a VLAN, a tunnel, the "
        "machine's own uplink. What a plugin noted on a pod it reads back as its own word."
    ),
    remediation=(
        "take the annotation or label out; where NetworkAttachmentDefinition is listed under "
        "`allowed_kinds`, name networks of the own namespace by name alone; a network plugin whose service "
        "account no rule knows is listed under `platform.network_accounts`, as namespace/name"
    ),
    controls=_LOCATION,
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Pod",),
            "metadata.annotations",
            f"({_POD_REQUESTS_NO_NETWORK}) && ({_KEEPS_RECORDS})",
            "an annotation joins it to another network, or says in the network plugin's place what it has",
        ),
        RuleCheck(
            TEMPLATES,
            "metadata.annotations",
            _are_no_requests(),
            "an annotation joins its pods to another network, or says what only the network plugin can",
        ),
    ),
)

RULES = (NETWORKS,)

"""Guards: rules on what all other rules rely on.

These are the labels of the factory's namespaces, webhooks of the API server, and certificates.
"""

from __future__ import annotations

from sovereign_ai.rules.controls import (
    C3A_GATEWAYS,
    CIS_CSR,
    CIS_NAMESPACES,
    CIS_POLICY,
    CIS_WEBHOOKS,
    ECSF_DATA,
    GDPR_SECURITY,
    HARDENING,
    NSA_ACCESS,
    PSS_RESTRICTED,
)
from sovereign_ai.rules.duties import NIS2_ACCESS
from sovereign_ai.rules.rule import OBJECT_PLACES, DecisionPlace, Rule, RuleCheck

_EXEMPT: tuple[tuple[DecisionPlace, str], ...] = (
    (
        "admission",
        (
            "the API server exempts webhook configurations from every admission policy, so that none can "
            "lock itself in"
        ),
    ),
)
_WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_OURS = "object.metadata.name in $namespaces"
_LABELS = "object.metadata.labels"
# These labels open a namespace to DRA admin access, to Liqo and to Admiralty.
_OPENERS = (
    '["resource.kubernetes.io/admin-access", "resource.k8s.io/admin-access", "liqo.io/scheduling-enabled", '
    '"multicluster-scheduler"]'
)
# Annotations of the admission plugins PodNodeSelector and PodTolerationRestriction.
_OLD_DEFAULTS = (
    '["scheduler.alpha.kubernetes.io/node-selector", "scheduler.alpha.kubernetes.io/defaultTolerations",'
    ' "scheduler.alpha.kubernetes.io/tolerationsWhitelist"]'
)
# Both certify a kubelet: as a client of the API server, and as a server.
_NODE_SIGNERS = '["kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"]'
# 90 days.
_CERTIFICATE_SECONDS = 90 * 86_400

# The system namespace serves no zone: for it the empty text is compared.
_CARRIES_OWN_LABELS = (
    f"!({_OURS}) || (has({_LABELS}) && $owner_key in {_LABELS} && {_LABELS}[$owner_key] == $owner"
    f" && $factory_key in {_LABELS} && {_LABELS}[$factory_key] == $factory"
    f" && (($namespace_zone in {_LABELS} ? {_LABELS}[$namespace_zone]"
    ' : "") == $namespaces[object.metadata.name]))'
)
_IS_NO_IMPOSTOR = f"{_OURS} || !has({_LABELS}) || !($namespace_zone in {_LABELS})"
ZONES = Rule(
    id="NSP-001",
    title="Each of our namespaces carries its own zone's label, and no other carries one",
    severity="critical",
    rationale=(
        "Network policies and admission find namespaces by these labels. A namespace that loses them is "
        "outside every policy; a stranger that carries them is let in by each flow to the zone."
    ),
    remediation="leave the labels as rendered; zones are given in the description",
    controls=(CIS_NAMESPACES, HARDENING, ECSF_DATA),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Namespace",),
            "metadata.labels",
            _CARRIES_OWN_LABELS,
            "its labels do not say whose it is and which zone's",
        ),
        RuleCheck(
            ("Namespace",),
            "metadata.labels",
            _IS_NO_IMPOSTOR,
            "it passes for a part of a zone",
        ),
    ),
)
_IS_RESTRICTED = (
    f'!({_OURS}) || (has({_LABELS}) && "pod-security.kubernetes.io/enforce" in {_LABELS}'
    f' && {_LABELS}["pod-security.kubernetes.io/enforce"] == "restricted")'
)
POD_SECURITY = Rule(
    id="NSP-002",
    title="Our namespaces are held to Pod Security's restricted level",
    severity="high",
    rationale="The API server's own check holds also while one of the factory's policies is replaced.",
    remediation="leave pod-security.kubernetes.io/enforce: restricted",
    controls=(PSS_RESTRICTED, CIS_POLICY),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Namespace",),
            "metadata.labels",
            _IS_RESTRICTED,
            "Pod Security does not hold it to the restricted level",
        ),
    ),
)
_LABELS_OPEN_NOTHING = f"!({_OURS}) || !has({_LABELS}) || {_LABELS}.all(k, !(k in {_OPENERS}))"
_ANNOTATIONS_OPEN_NOTHING = (
    f"!({_OURS}) || !has(object.metadata.annotations)"
    f" || object.metadata.annotations.all(k, !(k in {_OLD_DEFAULTS}))"
)
OPENERS = Rule(
    id="NSP-003",
    title="No label or annotation of our namespaces opens devices, other clusters or other machines to it",
    severity="critical",
    rationale=(
        "Some labels change what every pod in the namespace may do: take others' devices, run in other "
        "clusters, tolerate other taints."
    ),
    remediation="take the label or annotation out",
    controls=(CIS_NAMESPACES, ECSF_DATA, GDPR_SECURITY),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("Namespace",),
            "metadata.labels",
            _LABELS_OPEN_NOTHING,
            "a label of it opens devices or other clusters",
        ),
        RuleCheck(
            ("Namespace",),
            "metadata.annotations",
            _ANNOTATIONS_OPEN_NOTHING,
            "an annotation of it gives its pods other machines",
        ),
    ),
)
# A webhook is reached either by a URL or by a service of the cluster.
_STAYS_IN_CLUSTER = "!has(object.webhooks) || object.webhooks.all(w, !has(w.clientConfig.url))"
HOOKS_OUT = Rule(
    id="WHK-001",
    title="No webhook sends objects out of the cluster",
    severity="critical",
    rationale=(
        "An admission webhook is sent whole objects, secrets too; by its URL it may stand anywhere, and it "
        "may stop or change everything."
    ),
    remediation="run the webhook as a service in the cluster",
    controls=(CIS_WEBHOOKS, C3A_GATEWAYS, ECSF_DATA),
    places=OBJECT_PLACES - {"admission"},
    elsewhere=_EXEMPT,
    checks=(
        RuleCheck(
            _WEBHOOKS,
            "webhooks",
            _STAYS_IN_CLUSTER,
            "it sends objects to an address outside the cluster",
        ),
    ),
)
_IS_SERVED_BY_PLATFORM = (
    "!has(object.webhooks) || object.webhooks.all(w, !has(w.clientConfig.service)"
    " || !(w.clientConfig.service.namespace in $tenants))"
)
HOOKS_IN = Rule(
    id="WHK-002",
    title="No tenant's workload answers an admission webhook",
    severity="critical",
    rationale="A webhook that a tenant serves sees and changes the objects of every other.",
    remediation="run the webhook in a namespace of the platform",
    controls=(CIS_WEBHOOKS, ECSF_DATA),
    places=OBJECT_PLACES - {"admission"},
    elsewhere=_EXEMPT,
    checks=(
        RuleCheck(
            _WEBHOOKS,
            "webhooks",
            _IS_SERVED_BY_PLATFORM,
            "a workload in a tenant's namespace answers it",
        ),
    ),
)
_IS_CONVERTED_BY_PLATFORM = (
    "!has(object.spec.conversion) || !has(object.spec.conversion.webhook)"
    " || !has(object.spec.conversion.webhook.clientConfig)"
    " || (!has(object.spec.conversion.webhook.clientConfig.url)"
    " && (!has(object.spec.conversion.webhook.clientConfig.service)"
    " || !(object.spec.conversion.webhook.clientConfig.service.namespace in $tenants)))"
)
CONVERSION = Rule(
    id="WHK-003",
    title="No custom resource is converted outside the cluster or by a tenant",
    severity="critical",
    rationale="A conversion webhook is sent every object of its kind, and gives back what it likes.",
    remediation="convert by a service of the platform, or serve one version",
    controls=(CIS_WEBHOOKS, C3A_GATEWAYS, ECSF_DATA),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("CustomResourceDefinition",),
            "spec.conversion",
            _IS_CONVERTED_BY_PLATFORM,
            "its objects are sent out of the cluster, or to a tenant's workload",
        ),
    ),
)
_IS_FOR_NODE = (
    f'!object.spec.signerName.startsWith("kubernetes.io/") || object.spec.signerName in {_NODE_SIGNERS}'
)
SIGNERS = Rule(
    id="CSR-001",
    title="The cluster's own signers certify machines, not people",
    severity="critical",
    rationale=(
        "A client certificate cannot be revoked: whoever got one for system:masters keeps the cluster until "
        "the authority is replaced. People come by the identity provider."
    ),
    remediation="give people an identity of the identity provider; workloads get service account tokens",
    controls=(CIS_CSR, NSA_ACCESS, NIS2_ACCESS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("CertificateSigningRequest",),
            "spec.signerName",
            _IS_FOR_NODE,
            "it asks one of the cluster's signers for a certificate that is no machine's",
        ),
    ),
)
_ENDS_IN_TIME = (
    f"object.spec.signerName in {_NODE_SIGNERS} || (has(object.spec.expirationSeconds)"
    f" && object.spec.expirationSeconds <= {_CERTIFICATE_SECONDS})"
)
ENDING = Rule(
    id="CSR-002",
    title="Certificates end within 90 days",
    severity="medium",
    rationale="Nothing takes a certificate back; only its end does.",
    remediation=f"set expirationSeconds to at most {_CERTIFICATE_SECONDS}",
    controls=(CIS_CSR, NSA_ACCESS, NIS2_ACCESS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("CertificateSigningRequest",),
            "spec.expirationSeconds",
            _ENDS_IN_TIME,
            "its certificate lives longer than 90 days, or as long as the signer likes",
        ),
    ),
)

RULES = (ZONES, POD_SECURITY, OPENERS, HOOKS_OUT, HOOKS_IN, CONVERSION, SIGNERS, ENDING)

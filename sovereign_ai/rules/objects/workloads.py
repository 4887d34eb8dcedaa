"""Rules on pods beyond Pod Security's own list: tokens, profiles, priorities, debugging."""

from __future__ import annotations

from sovereign_ai.rules.controls import (
    C3A_STAFF,
    CIS_CONTEXT,
    CIS_POLICY,
    CIS_TOKENS,
    GDPR_SECURITY,
    NSA_ACCESS,
    NSA_PODS,
    PSS_RESTRICTED,
)
from sovereign_ai.rules.duties import NIS2_ACCESS
from sovereign_ai.rules.kinds import PODS
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

_CONTEXT = "variables.pod.securityContext"
_TOKEN_SECONDS = 86_400
"""A day: the longest that a token in a pod may live."""
# The types that Pod Security's baseline level permits.
_LINUX = '["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"]'

_HAS_APPARMOR = (
    f"(!(has({_CONTEXT}) && has({_CONTEXT}.appArmorProfile))"
    f' || {_CONTEXT}.appArmorProfile.type != "Unconfined")'
    " && variables.containers.all(c, !(has(c.securityContext)"
    " && has(c.securityContext.appArmorProfile))"
    ' || c.securityContext.appArmorProfile.type != "Unconfined")'
)
_ANNOTATIONS_KEEP_APPARMOR = (
    'variables.annotations.all(k, !k.startsWith("container.apparmor.security.beta.kubernetes.io/")'
    ' || variables.annotations[k] != "unconfined")'
)
# Read on 2026-12-01: CDI (in containerd and NVIDIA's runtime), the NRI plugins' own devices and mounts,
# CRI-O's `allowed_annotations`, Kata's and gVisor's annotations, and runc's properties of systemd. What tunes
# a container (CPUs, shared memory, limits) is none of them.
_OF_RUNTIME = (
    "(?i)^(?:cdi[.]k8s[.]io/|[a-z-]*(?:devices|mounts|hooks)[.](?:nri[.]io|noderesource[.]dev)/"
    "|seccomp-profile[.]kubernetes[.]cri-o[.]io|org[.]systemd[.]property[.]|dev[.]gvisor[.]|run[.]oci[.]"
    "|io[.]kubernetes[.]cri-o[.](?:devices|unifiedcgroup|cgroup2-mount|platformruntimepath|linklogs|seccomp)"
    "|io[.]katacontainers[.]config[.][a-z]+[.](?:[a-z_]*(?:path|list)|image|initrd|kernel|kernel_params"
    "|firmware|firmware_volume|machine_type|guest_hook|disable_[a-z_]+)$)"
)
_SETS_NO_RUNTIME_OPTION = f'variables.annotations.all(k, !k.matches("{_OF_RUNTIME}"))'
_HAS_SELINUX = (
    f"(!(has({_CONTEXT}) && has({_CONTEXT}.seLinuxOptions) && has({_CONTEXT}.seLinuxOptions.type))"
    f" || {_CONTEXT}.seLinuxOptions.type in {_LINUX})"
    " && variables.containers.all(c, !(has(c.securityContext)"
    " && has(c.securityContext.seLinuxOptions)"
    " && has(c.securityContext.seLinuxOptions.type))"
    f" || c.securityContext.seLinuxOptions.type in {_LINUX})"
)
APPARMOR = Rule(
    id="PRV-010",
    title="No container turns off AppArmor or SELinux, or asks its runtime for the machine's own",
    severity="high",
    rationale=(
        "The profile that the runtime brings is what is left when a container has broken out of the rest. "
        "By annotations some runtimes give devices, folders and programs of the machine, which Pod Security "
        "does not see."
    ),
    remediation=(
        "leave appArmorProfile, seLinuxOptions and such annotations out, or name a profile of the machines"
    ),
    controls=(PSS_RESTRICTED, CIS_CONTEXT, NSA_PODS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "securityContext",
            _HAS_APPARMOR,
            "a container runs without an AppArmor profile",
        ),
        RuleCheck(
            PODS,
            "metadata.annotations",
            _ANNOTATIONS_KEEP_APPARMOR,
            "an annotation of it turns AppArmor off",
        ),
        RuleCheck(
            PODS,
            "metadata.annotations",
            _SETS_NO_RUNTIME_OPTION,
            "an annotation asks the container runtime for devices, folders or programs of the machine",
        ),
        RuleCheck(
            PODS,
            "securityContext",
            _HAS_SELINUX,
            "a container takes an SELinux type that is no container's",
        ),
    ),
)
_POD_DOES_NOT_AUTOMOUNT = (
    "!has(variables.pod.automountServiceAccountToken) || !variables.pod.automountServiceAccountToken"
)
_ACCOUNT_DOES_NOT_AUTOMOUNT = (
    "!has(object.automountServiceAccountToken) || !object.automountServiceAccountToken"
)
AUTOMOUNT = Rule(
    id="PRV-011",
    title="No API token is mounted unasked",
    severity="medium",
    rationale="A workload that never speaks to the API carries a token only for whoever breaks into it.",
    remediation=(
        "set automountServiceAccountToken: false; a workload that needs the API projects a token that ends"
    ),
    controls=(CIS_TOKENS, NSA_ACCESS, NIS2_ACCESS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "automountServiceAccountToken",
            _POD_DOES_NOT_AUTOMOUNT,
            "it has the service account's token mounted",
        ),
        RuleCheck(
            ("ServiceAccount",),
            "automountServiceAccountToken",
            _ACCOUNT_DOES_NOT_AUTOMOUNT,
            "its token is mounted into every pod that does not object",
        ),
    ),
)
# Without the field a token lives an hour.
_TOKENS_END = (
    "variables.volumes.all(v, !has(v.projected) || !has(v.projected.sources)"
    " || v.projected.sources == null || v.projected.sources.all(s,"
    " !has(s.serviceAccountToken) || !has(s.serviceAccountToken.expirationSeconds)"
    f" || s.serviceAccountToken.expirationSeconds <= {_TOKEN_SECONDS}))"
)
TOKENS = Rule(
    id="PRV-012",
    title="Tokens in pods end within a day",
    severity="medium",
    rationale="A token that outlives its pod by months is a password that nobody changes.",
    remediation=f"set expirationSeconds to at most {_TOKEN_SECONDS}, or leave it out",
    controls=(CIS_TOKENS, NSA_ACCESS, NIS2_ACCESS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "volumes",
            _TOKENS_END,
            "it projects a token that lives longer than a day",
        ),
    ),
)
# Kubernetes' own classes are system-cluster-critical and system-node-critical.
_PRIORITY_IS_ORDINARY = (
    '!has(variables.pod.priorityClassName) || !variables.pod.priorityClassName.startsWith("system-")'
)
PRIORITY = Rule(
    id="PRV-013",
    title="No tenant's pod takes a priority of the system",
    severity="high",
    rationale=(
        "A pod of system priority drives out every other, the ones that keep the machine alive among them."
    ),
    remediation="use a priority class whose name starts with `sovereign-`",
    controls=(GDPR_SECURITY, NSA_PODS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "priorityClassName",
            _PRIORITY_IS_ORDINARY,
            "it takes a priority of the system",
        ),
    ),
)
# The kubelet writes `api` as the source of ordinary pods.
_IS_NO_MIRROR = (
    '!("kubernetes.io/config.mirror" in variables.annotations)'
    ' && !("kubernetes.io/config.source" in variables.annotations'
    ' && variables.annotations["kubernetes.io/config.source"] != "api")'
)
MIRRORS = Rule(
    id="PRV-014",
    title="No pod passes for a static one",
    severity="high",
    rationale=(
        "A machine's own static pods run without admission; what looks like the image of one is left alone "
        "by controllers and eviction."
    ),
    remediation=(
        "take the annotations below kubernetes.io/config. out; static pods belong to the machines' owner, "
        "outside the zones"
    ),
    controls=(CIS_POLICY, NSA_PODS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "metadata.annotations",
            _IS_NO_MIRROR,
            "it stands for a static pod, which no admission saw",
        ),
    ),
)
_HAS_NO_DEBUGGER = "!has(variables.pod.ephemeralContainers) || size(variables.pod.ephemeralContainers) == 0"
DEBUGGING = Rule(
    id="PRV-015",
    title="No container is added to a running pod",
    severity="high",
    rationale=(
        "An ephemeral container sees the memory and files of a workload that is already trusted with data."
    ),
    remediation="debug on a copy without the data; break-glass access needs a waiver",
    controls=(C3A_STAFF, NIS2_ACCESS, NSA_ACCESS),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            PODS,
            "ephemeralContainers",
            _HAS_NO_DEBUGGER,
            "a container was added to it while it ran",
        ),
    ),
)

RULES = (APPARMOR, AUTOMOUNT, TOKENS, PRIORITY, MIRRORS, DEBUGGING)

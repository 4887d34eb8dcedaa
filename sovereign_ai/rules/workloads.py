"""Workloads: what a pod may be beyond Pod Security's own list: tokens, profiles, priorities, ways in for debugging."""

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
from sovereign_ai.rules.rule import OBJECT_PLACES, Check, Rule

_CONTEXT = "variables.pod.securityContext"
_TOKEN_SECONDS = 86_400
"""A day: the longest that a token in a pod may live."""
_LINUX = '["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"]'

APPARMOR = Rule(
    id="PRV-010",
    title="No container turns off AppArmor or SELinux",
    severity="high",
    rationale="The profile that the runtime brings is what is left when a container has broken out of the rest.",
    remediation="leave appArmorProfile and seLinuxOptions out, or name a profile of the machines",
    controls=(PSS_RESTRICTED, CIS_CONTEXT, NSA_PODS),
    places=OBJECT_PLACES,
    checks=(
        Check(
            PODS,
            "securityContext",
            f'(!(has({_CONTEXT}) && has({_CONTEXT}.appArmorProfile)) || {_CONTEXT}.appArmorProfile.type != "Unconfined")'
            " && variables.containers.all(c, !(has(c.securityContext) && has(c.securityContext.appArmorProfile))"
            ' || c.securityContext.appArmorProfile.type != "Unconfined")',
            "a container runs without an AppArmor profile",
        ),
        Check(
            PODS,
            "metadata.annotations",
            'variables.annotations.all(k, !k.startsWith("container.apparmor.security.beta.kubernetes.io/")'
            ' || variables.annotations[k] != "unconfined")',
            "an annotation of it turns AppArmor off",
        ),
        Check(
            PODS,
            "securityContext",
            f"(!(has({_CONTEXT}) && has({_CONTEXT}.seLinuxOptions) && has({_CONTEXT}.seLinuxOptions.type))"
            f" || {_CONTEXT}.seLinuxOptions.type in {_LINUX})"
            " && variables.containers.all(c, !(has(c.securityContext) && has(c.securityContext.seLinuxOptions)"
            f" && has(c.securityContext.seLinuxOptions.type)) || c.securityContext.seLinuxOptions.type in {_LINUX})",
            "a container takes an SELinux type that is no container's",
        ),
    ),
)
AUTOMOUNT = Rule(
    id="PRV-011",
    title="No API token is mounted unasked",
    severity="medium",
    rationale="A workload that never speaks to the API carries a token only for whoever breaks into it.",
    remediation="set automountServiceAccountToken: false; a workload that needs the API projects a token that ends",
    controls=(CIS_TOKENS, NSA_ACCESS, NIS2_ACCESS),
    places=OBJECT_PLACES,
    checks=(
        Check(
            PODS,
            "automountServiceAccountToken",
            "!has(variables.pod.automountServiceAccountToken) || !variables.pod.automountServiceAccountToken",
            "it has the service account's token mounted",
        ),
        Check(
            ("ServiceAccount",),
            "automountServiceAccountToken",
            "!has(object.automountServiceAccountToken) || !object.automountServiceAccountToken",
            "its token is mounted into every pod that does not object",
        ),
    ),
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
        Check(
            PODS,
            "volumes",
            "variables.volumes.all(v, !has(v.projected) || !has(v.projected.sources) || v.projected.sources == null || v.projected.sources.all(s,"
            " !has(s.serviceAccountToken) || !has(s.serviceAccountToken.expirationSeconds)"
            f" || s.serviceAccountToken.expirationSeconds <= {_TOKEN_SECONDS}))",
            "it projects a token that lives longer than a day",
        ),
    ),
)
PRIORITY = Rule(
    id="PRV-013",
    title="No tenant's pod takes a priority of the system",
    severity="high",
    rationale="A pod of system priority drives out every other, the ones that keep the machine alive among them.",
    remediation="use a priority class whose name starts with `sovereign-`",
    controls=(GDPR_SECURITY, NSA_PODS),
    places=OBJECT_PLACES,
    checks=(
        Check(
            PODS,
            "priorityClassName",
            '!has(variables.pod.priorityClassName) || !variables.pod.priorityClassName.startsWith("system-")',
            "it takes a priority of the system",
        ),
    ),
)
MIRRORS = Rule(
    id="PRV-014",
    title="No pod passes for a static one",
    severity="high",
    rationale="A machine's own static pods run without admission; what looks like the image of one is left alone by controllers and eviction.",
    remediation="take the annotations below kubernetes.io/config. out; static pods belong to the machines' owner, outside the zones",
    controls=(CIS_POLICY, NSA_PODS),
    places=OBJECT_PLACES,
    checks=(
        Check(
            PODS,
            "metadata.annotations",
            '!("kubernetes.io/config.mirror" in variables.annotations)'
            ' && !("kubernetes.io/config.source" in variables.annotations && variables.annotations["kubernetes.io/config.source"] != "api")',
            "it stands for a static pod, which no admission saw",
        ),
    ),
)
DEBUGGING = Rule(
    id="PRV-015",
    title="No container is added to a running pod",
    severity="high",
    rationale="An ephemeral container sees the memory and files of a workload that is already trusted with data.",
    remediation="debug on a copy without the data; break-glass access needs a waiver",
    controls=(C3A_STAFF, NIS2_ACCESS, NSA_ACCESS),
    places=OBJECT_PLACES,
    checks=(
        Check(
            PODS,
            "ephemeralContainers",
            "!has(variables.pod.ephemeralContainers) || size(variables.pod.ephemeralContainers) == 0",
            "a container was added to it while it ran",
        ),
    ),
)

RULES = (APPARMOR, AUTOMOUNT, TOKENS, PRIORITY, MIRRORS, DEBUGGING)

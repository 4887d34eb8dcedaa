"""Privilege rules: pods get nothing of the host, as Pod Security's `restricted` level requires.

Pod Security judges pods at admission only. These rules are also decided on templates, before deployment and
on live objects, by the same expressions in each place.
"""

from __future__ import annotations

from sovereign_ai.rules.controls import (
    CIS_CAPABILITIES,
    CIS_CONTEXT,
    CIS_ESCALATE,
    CIS_HOST_IPC,
    CIS_HOST_NETWORK,
    CIS_HOST_PATH,
    CIS_HOST_PID,
    CIS_HOST_PORT,
    CIS_HOST_PROCESS,
    CIS_PRIVILEGED,
    CIS_ROOT,
    CIS_SECCOMP,
    GDPR_SECURITY,
    NSA_PODS,
    PSS_RESTRICTED,
    Control,
)
from sovereign_ai.rules.judgement import Severity
from sovereign_ai.rules.kinds import PODS
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

# `name` is the field that every volume has beside its kind.
_VOLUMES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "name",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
_SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
)
"""Both lists are those of Kubernetes 1.37 for the restricted level.

Source: pod-security-admission, check_restrictedVolumes and check_sysctls.
"""


def _list(names: tuple[str, ...]) -> str:
    """Return a CEL list of names."""
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


_POD_CONTEXT = "has(variables.pod.securityContext)"
_OWN = "has(c.securityContext)"


def _rule(
    number: int,
    title: str,
    severity: Severity,
    rationale: str,
    remediation: str,
    controls: tuple[Control, ...],
    *checks: RuleCheck,
) -> Rule:
    """Return one rule of this module; each serves the restricted level."""
    common = (PSS_RESTRICTED, GDPR_SECURITY, NSA_PODS)
    return Rule(
        f"PRV-{number:03}",
        title,
        severity,
        rationale,
        remediation,
        (*common, *controls),
        OBJECT_PLACES,
        checks,
    )


_SHARES_NO_NAMESPACE = (
    "(!has(variables.pod.hostNetwork) || !variables.pod.hostNetwork)"
    " && (!has(variables.pod.hostPID) || !variables.pod.hostPID)"
    " && (!has(variables.pod.hostIPC) || !variables.pod.hostIPC)"
)
HOST = _rule(
    1,
    "Pods share no namespace of the host",
    "critical",
    "A pod on the host's network is past every network policy; with the host's processes or IPC, its "
    "neighbours' memory is in reach.",
    "leave hostNetwork, hostPID and hostIPC out",
    (CIS_HOST_NETWORK, CIS_HOST_PID, CIS_HOST_IPC),
    RuleCheck(
        PODS,
        "hostNetwork",
        _SHARES_NO_NAMESPACE,
        "it shares the host's network, processes or IPC",
    ),
)
_VOLUMES_ARE_PERMITTED = f"variables.volumes.all(v, v.all(k, k in {_list(_VOLUMES)}))"
VOLUMES = _rule(
    2,
    "Pods mount nothing of the host, and no storage that is outside every class",
    "critical",
    "A folder of the host holds its keys and its neighbours' disks; a share that is named in a pod lies "
    "wherever its address says.",
    "use a claim, or one of the kinds of volume that Pod Security's restricted level lists",
    (CIS_HOST_PATH,),
    RuleCheck(
        PODS,
        "volumes",
        _VOLUMES_ARE_PERMITTED,
        "it mounts the host's files, or another kind of volume than those allowed",
    ),
)
# Privilege escalation is permitted unless it is turned off, so it has to be turned off.
_IS_UNPRIVILEGED = (
    f"variables.containers.all(c, {_OWN}"
    " && (!has(c.securityContext.privileged) || !c.securityContext.privileged)"
    " && has(c.securityContext.allowPrivilegeEscalation) && !c.securityContext.allowPrivilegeEscalation)"
)
PRIVILEGED = _rule(
    3,
    "No container is privileged or gains privileges",
    "critical",
    "A privileged container is the host's root user; one that may gain privileges is a bug away from it.",
    "set allowPrivilegeEscalation: false and leave privileged out",
    (CIS_PRIVILEGED, CIS_ESCALATE, CIS_CONTEXT),
    RuleCheck(
        PODS,
        "containers",
        _IS_UNPRIVILEGED,
        "a container is privileged, or may gain privileges",
    ),
)
# A container keeps a default set of capabilities unless it drops all of them.
_DROPS_CAPABILITIES = (
    f"variables.containers.all(c, {_OWN} && has(c.securityContext.capabilities)"
    ' && has(c.securityContext.capabilities.drop) && "ALL" in c.securityContext.capabilities.drop'
    " && (!has(c.securityContext.capabilities.add)"
    ' || c.securityContext.capabilities.add.all(k, k == "NET_BIND_SERVICE")))'
)
CAPABILITIES = _rule(
    4,
    "Containers drop every capability",
    "high",
    "Each capability is a part of root's power; those kept by default reach raw packets and other users' "
    "files.",
    "set capabilities.drop: [ALL], and add nothing but NET_BIND_SERVICE",
    (CIS_CAPABILITIES,),
    RuleCheck(
        PODS,
        "containers",
        _DROPS_CAPABILITIES,
        "a container keeps or adds capabilities",
    ),
)
# A container's own context overrides that of its pod.
_IS_NOT_ROOT = (
    f"(!({_POD_CONTEXT} && has(variables.pod.securityContext.runAsUser))"
    " || variables.pod.securityContext.runAsUser != 0)"
    f" && (!({_POD_CONTEXT} && has(variables.pod.securityContext.runAsNonRoot))"
    " || variables.pod.securityContext.runAsNonRoot)"
    f" && variables.containers.all(c, ({_OWN} && has(c.securityContext.runAsNonRoot)"
    " ? c.securityContext.runAsNonRoot"
    f" : ({_POD_CONTEXT} && has(variables.pod.securityContext.runAsNonRoot)))"
    f" && (!({_OWN} && has(c.securityContext.runAsUser)) || c.securityContext.runAsUser != 0))"
)
ROOT = _rule(
    5,
    "No container runs as root",
    "high",
    "What root of a container breaks out of, it leaves as root of the host.",
    "set runAsNonRoot: true, and no runAsUser of 0",
    (CIS_ROOT,),
    RuleCheck(
        PODS,
        "securityContext",
        _IS_NOT_ROOT,
        "a container may run as root",
    ),
)
_HAS_SECCOMP = (
    f"(!({_POD_CONTEXT} && has(variables.pod.securityContext.seccompProfile))"
    ' || variables.pod.securityContext.seccompProfile.type == "RuntimeDefault")'
    f" && variables.containers.all(c, {_OWN} && has(c.securityContext.seccompProfile)"
    ' ? c.securityContext.seccompProfile.type == "RuntimeDefault"'
    f" : ({_POD_CONTEXT} && has(variables.pod.securityContext.seccompProfile)))"
)
SECCOMP = _rule(
    6,
    "Containers run under a seccomp profile",
    "high",
    "Without one, every system call of the shared kernel is within reach, or a file says which.",
    "set seccompProfile.type: RuntimeDefault",
    (CIS_SECCOMP,),
    RuleCheck(
        PODS,
        "securityContext",
        _HAS_SECCOMP,
        "a container runs without a seccomp profile",
    ),
)
# On the host's network every port of a container is a port of the host.
_HAS_NO_HOST_PORT = (
    "variables.containers.all(c, !has(c.ports) || c.ports.all(p, (!has(p.hostPort) || p.hostPort == 0)"
    " && (!has(variables.pod.hostNetwork) || !variables.pod.hostNetwork)))"
)
HOST_PORT = _rule(
    7,
    "No container takes a port of the host",
    "high",
    "A port of the host is reached through the host's own addresses, past the network policies of the "
    "namespace. On the host's network every port is one.",
    "leave hostPort out; a Service reaches the pod",
    (CIS_HOST_PORT,),
    RuleCheck(
        PODS,
        "containers",
        _HAS_NO_HOST_PORT,
        "a container takes a port of the host",
    ),
)
_CONTAINERS_MASK_PROC = (
    f"variables.containers.all(c, (!({_OWN} && has(c.securityContext.procMount))"
    ' || c.securityContext.procMount in ["", "Default"])'
    f" && (!({_OWN} && has(c.securityContext.windowsOptions)"
    " && has(c.securityContext.windowsOptions.hostProcess))"
    " || !c.securityContext.windowsOptions.hostProcess))"
)
_POD_IS_NO_HOST_PROCESS = (
    f"!({_POD_CONTEXT} && has(variables.pod.securityContext.windowsOptions)"
    " && has(variables.pod.securityContext.windowsOptions.hostProcess))"
    " || !variables.pod.securityContext.windowsOptions.hostProcess"
)
PROC = _rule(
    8,
    "Containers see a masked /proc and are no process of the host",
    "high",
    "The unmasked /proc shows and sets what belongs to the kernel; a host process is no container at all.",
    "leave procMount and windowsOptions.hostProcess out",
    (CIS_HOST_PROCESS,),
    RuleCheck(
        PODS,
        "containers",
        _CONTAINERS_MASK_PROC,
        "a container has an unmasked /proc, or is a process of the host",
    ),
    RuleCheck(
        PODS,
        "securityContext",
        _POD_IS_NO_HOST_PROCESS,
        "it runs as processes of the host",
    ),
)
_SYSCTLS_ARE_SAFE = (
    f"!({_POD_CONTEXT} && has(variables.pod.securityContext.sysctls))"
    f" || variables.pod.securityContext.sysctls.all(s, s.name in {_list(_SYSCTLS)})"
)
SYSCTLS = _rule(
    9,
    "Pods set only kernel parameters that stay within the pod",
    "high",
    "Other parameters are the whole machine's, and so its other tenants'.",
    "take the sysctl out, or set it on the machines",
    (),
    RuleCheck(
        PODS,
        "securityContext",
        _SYSCTLS_ARE_SAFE,
        "it sets kernel parameters that reach beyond itself",
    ),
)

RULES = (HOST, VOLUMES, PRIVILEGED, CAPABILITIES, ROOT, SECCOMP, HOST_PORT, PROC, SYSCTLS)

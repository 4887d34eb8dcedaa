"""Privilege: pods get nothing of the host. The checks say what Pod Security's `restricted` level says.

Written again as our own rule because Pod Security judges pods at admission only: this one is also
decided on templates, before deployment and on live objects, by the same words in each place.
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
from sovereign_ai.rules.judge import Severity
from sovereign_ai.rules.kinds import PODS
from sovereign_ai.rules.rule import OBJECT_PLACES, Check, Rule

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
"""Kubernetes' own lists for the restricted level, 1.37 (pod-security-admission, check_restrictedVolumes and check_sysctls)."""


def _list(names: tuple[str, ...]) -> str:
    """Write a list of names in CEL."""
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


_POD_CONTEXT = "has(variables.pod.securityContext)"
_OWN = "has(c.securityContext)"


def _rule(
    number: int, title: str, severity: Severity, rationale: str, remediation: str, controls: tuple[Control, ...], *checks: Check
) -> Rule:
    """Make one rule of this room; each serves the restricted level."""
    common = (PSS_RESTRICTED, GDPR_SECURITY, NSA_PODS)
    return Rule(f"PRV-{number:03}", title, severity, rationale, remediation, (*common, *controls), OBJECT_PLACES, checks)


HOST = _rule(
    1,
    "Pods share no namespace of the host",
    "critical",
    "A pod on the host's network is past every network policy; with the host's processes or IPC, its neighbours' memory is in reach.",
    "leave hostNetwork, hostPID and hostIPC out",
    (CIS_HOST_NETWORK, CIS_HOST_PID, CIS_HOST_IPC),
    Check(
        PODS,
        "hostNetwork",
        "(!has(variables.pod.hostNetwork) || !variables.pod.hostNetwork)"
        " && (!has(variables.pod.hostPID) || !variables.pod.hostPID)"
        " && (!has(variables.pod.hostIPC) || !variables.pod.hostIPC)",
        "it shares the host's network, processes or IPC",
    ),
)
VOLUMES = _rule(
    2,
    "Pods mount nothing of the host, and no storage that is outside every class",
    "critical",
    "A folder of the host holds its keys and its neighbours' disks; a share that is named in a pod lies wherever its address says.",
    "use a claim, or one of the kinds of volume that Pod Security's restricted level lists",
    (CIS_HOST_PATH,),
    Check(
        PODS,
        "volumes",
        f"variables.volumes.all(v, v.all(k, k in {_list(_VOLUMES)}))",
        "it mounts the host's files, or another kind of volume than those allowed",
    ),
)
PRIVILEGED = _rule(
    3,
    "No container is privileged or gains privileges",
    "critical",
    "A privileged container is the host's root user; one that may gain privileges is a bug away from it.",
    "set allowPrivilegeEscalation: false and leave privileged out",
    (CIS_PRIVILEGED, CIS_ESCALATE, CIS_CONTEXT),
    Check(
        PODS,
        "containers",
        f"variables.containers.all(c, {_OWN}"
        " && (!has(c.securityContext.privileged) || !c.securityContext.privileged)"
        " && has(c.securityContext.allowPrivilegeEscalation) && !c.securityContext.allowPrivilegeEscalation)",
        "a container is privileged, or may gain privileges",
    ),
)
CAPABILITIES = _rule(
    4,
    "Containers drop every capability",
    "high",
    "Each capability is a part of root's power; those kept by default reach raw packets and other users' files.",
    "set capabilities.drop: [ALL], and add nothing but NET_BIND_SERVICE",
    (CIS_CAPABILITIES,),
    Check(
        PODS,
        "containers",
        f"variables.containers.all(c, {_OWN} && has(c.securityContext.capabilities)"
        ' && has(c.securityContext.capabilities.drop) && "ALL" in c.securityContext.capabilities.drop'
        " && (!has(c.securityContext.capabilities.add)"
        ' || c.securityContext.capabilities.add.all(k, k == "NET_BIND_SERVICE")))',
        "a container keeps or adds capabilities",
    ),
)
ROOT = _rule(
    5,
    "No container runs as root",
    "high",
    "What root of a container breaks out of, it leaves as root of the host.",
    "set runAsNonRoot: true, and no runAsUser of 0",
    (CIS_ROOT,),
    Check(
        PODS,
        "securityContext",
        f"(!({_POD_CONTEXT} && has(variables.pod.securityContext.runAsUser)) || variables.pod.securityContext.runAsUser != 0)"
        f" && (!({_POD_CONTEXT} && has(variables.pod.securityContext.runAsNonRoot)) || variables.pod.securityContext.runAsNonRoot)"
        f" && variables.containers.all(c, ({_OWN} && has(c.securityContext.runAsNonRoot)"
        " ? c.securityContext.runAsNonRoot"
        f" : ({_POD_CONTEXT} && has(variables.pod.securityContext.runAsNonRoot)))"
        f" && (!({_OWN} && has(c.securityContext.runAsUser)) || c.securityContext.runAsUser != 0))",
        "a container may run as root",
    ),
)
SECCOMP = _rule(
    6,
    "Containers run under a seccomp profile",
    "high",
    "Without one, every system call of the shared kernel is within reach.",
    "set seccompProfile.type: RuntimeDefault",
    (CIS_SECCOMP,),
    Check(
        PODS,
        "securityContext",
        f"(!({_POD_CONTEXT} && has(variables.pod.securityContext.seccompProfile))"
        ' || variables.pod.securityContext.seccompProfile.type in ["RuntimeDefault", "Localhost"])'
        f" && variables.containers.all(c, {_OWN} && has(c.securityContext.seccompProfile)"
        ' ? c.securityContext.seccompProfile.type in ["RuntimeDefault", "Localhost"]'
        f" : ({_POD_CONTEXT} && has(variables.pod.securityContext.seccompProfile)))",
        "a container runs without a seccomp profile",
    ),
)
HOST_PORT = _rule(
    7,
    "No container takes a port of the host",
    "high",
    "A port of the host is reached through the host's own addresses, past the network policies of the namespace. On the host's network every port is one.",
    "leave hostPort out; a Service reaches the pod",
    (CIS_HOST_PORT,),
    Check(
        PODS,
        "containers",
        "variables.containers.all(c, !has(c.ports) || c.ports.all(p, (!has(p.hostPort) || p.hostPort == 0)"
        " && (!has(variables.pod.hostNetwork) || !variables.pod.hostNetwork)))",
        "a container takes a port of the host",
    ),
)
PROC = _rule(
    8,
    "Containers see a masked /proc and are no process of the host",
    "high",
    "The unmasked /proc shows and sets what belongs to the kernel; a host process is no container at all.",
    "leave procMount and windowsOptions.hostProcess out",
    (CIS_HOST_PROCESS,),
    Check(
        PODS,
        "containers",
        f'variables.containers.all(c, (!({_OWN} && has(c.securityContext.procMount)) || c.securityContext.procMount in ["", "Default"])'
        f" && (!({_OWN} && has(c.securityContext.windowsOptions)"
        " && has(c.securityContext.windowsOptions.hostProcess)) || !c.securityContext.windowsOptions.hostProcess))",
        "a container has an unmasked /proc, or is a process of the host",
    ),
    Check(
        PODS,
        "securityContext",
        f"!({_POD_CONTEXT} && has(variables.pod.securityContext.windowsOptions)"
        " && has(variables.pod.securityContext.windowsOptions.hostProcess)) || !variables.pod.securityContext.windowsOptions.hostProcess",
        "it runs as processes of the host",
    ),
)
SYSCTLS = _rule(
    9,
    "Pods set only kernel parameters that stay within the pod",
    "high",
    "Other parameters are the whole machine's, and so its other tenants'.",
    "take the sysctl out, or set it on the machines",
    (),
    Check(
        PODS,
        "securityContext",
        f"!({_POD_CONTEXT} && has(variables.pod.securityContext.sysctls))"
        f" || variables.pod.securityContext.sysctls.all(s, s.name in {_list(_SYSCTLS)})",
        "it sets kernel parameters that reach beyond itself",
    ),
)

RULES = (HOST, VOLUMES, PRIVILEGED, CAPABILITIES, ROOT, SECCOMP, HOST_PORT, PROC, SYSCTLS)

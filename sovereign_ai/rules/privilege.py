"""Privilege: pods get nothing of the host. The checks say what Pod Security's `restricted` level says.

Written again as our own rule because Pod Security judges pods at admission only: this one is also
decided on templates, before deployment and on live objects, by the same words in each place.
"""

from __future__ import annotations

from sovereign_ai.rules.controls import GDPR_SECURITY, PSS_RESTRICTED
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

PRIVILEGE = Rule(
    id="PRV-001",
    title="Pods run without privileges and see nothing of the host",
    severity="critical",
    rationale=(
        "A container with the host's network, files, processes or privileges is past every zone: network policies do not see it, "
        "and the disks and keys of its neighbours are within its reach."
    ),
    remediation=(
        "run as non-root with allowPrivilegeEscalation: false, capabilities.drop: [ALL] and seccompProfile RuntimeDefault, "
        "without host namespaces, host ports or host paths"
    ),
    controls=(PSS_RESTRICTED, GDPR_SECURITY),
    places=OBJECT_PLACES,
    checks=(
        Check(
            PODS,
            "hostNetwork",
            "(!has(variables.pod.hostNetwork) || !variables.pod.hostNetwork)"
            " && (!has(variables.pod.hostPID) || !variables.pod.hostPID)"
            " && (!has(variables.pod.hostIPC) || !variables.pod.hostIPC)",
            "it shares the host's network, processes or IPC",
        ),
        Check(
            PODS,
            "volumes",
            f"variables.volumes.all(v, v.all(k, k in {_list(_VOLUMES)}))",
            "it mounts the host's files, or another kind of volume than those allowed",
        ),
        Check(
            PODS,
            "containers",
            f"variables.containers.all(c, {_OWN}"
            " && (!has(c.securityContext.privileged) || !c.securityContext.privileged)"
            " && has(c.securityContext.allowPrivilegeEscalation) && !c.securityContext.allowPrivilegeEscalation)",
            "a container is privileged, or may gain privileges",
        ),
        Check(
            PODS,
            "containers",
            f"variables.containers.all(c, {_OWN} && has(c.securityContext.capabilities)"
            ' && has(c.securityContext.capabilities.drop) && "ALL" in c.securityContext.capabilities.drop'
            " && (!has(c.securityContext.capabilities.add)"
            ' || c.securityContext.capabilities.add.all(k, k == "NET_BIND_SERVICE")))',
            "a container keeps or adds capabilities",
        ),
        Check(
            PODS,
            "securityContext",
            f"(!({_POD_CONTEXT} && has(variables.pod.securityContext.runAsUser)) || variables.pod.securityContext.runAsUser != 0)"
            f" && variables.containers.all(c, ({_OWN} && has(c.securityContext.runAsNonRoot)"
            " ? c.securityContext.runAsNonRoot"
            f" : ({_POD_CONTEXT} && has(variables.pod.securityContext.runAsNonRoot) && variables.pod.securityContext.runAsNonRoot))"
            f" && (!({_OWN} && has(c.securityContext.runAsUser)) || c.securityContext.runAsUser != 0))",
            "a container may run as root",
        ),
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
        Check(
            PODS,
            "containers",
            "variables.containers.all(c,"
            " (!has(c.ports) || c.ports.all(p, !has(p.hostPort) || p.hostPort == 0))"
            f' && (!({_OWN} && has(c.securityContext.procMount)) || c.securityContext.procMount in ["", "Default"])'
            f" && (!({_OWN} && has(c.securityContext.windowsOptions)"
            " && has(c.securityContext.windowsOptions.hostProcess)) || !c.securityContext.windowsOptions.hostProcess))",
            "a container takes a port of the host, an unmasked /proc, or a host process",
        ),
        Check(
            PODS,
            "securityContext",
            f"!({_POD_CONTEXT}) || ((!has(variables.pod.securityContext.sysctls)"
            f" || variables.pod.securityContext.sysctls.all(s, s.name in {_list(_SYSCTLS)}))"
            " && (!has(variables.pod.securityContext.windowsOptions)"
            " || !has(variables.pod.securityContext.windowsOptions.hostProcess)"
            " || !variables.pod.securityContext.windowsOptions.hostProcess))",
            "it sets kernel parameters that reach beyond itself, or runs as a host process",
        ),
    ),
)

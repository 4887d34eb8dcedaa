"""The processes of an embedded control plane, with their arguments, environments and health probes.

Everything listens on 127.0.0.1 only, authenticates its clients, and gets secrets only by the path of a file.
Figures for the node grace period, client rates and leader election: measured on Kubernetes 1.37.2 and KWOK
0.7.0, 2026-11 (leader election cost 21 s at a restart).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import sovereign_ai
from sovereign_ai.cluster import identities as who
from sovereign_ai.cluster.embedded.monitoring import monitoring_listeners, monitors
from sovereign_ai.cluster.embedded.monitoring_processes import monitoring_processes
from sovereign_ai.cluster.embedded.plane_controllers import plane_controllers
from sovereign_ai.cluster.embedded.queueing import (
    QUEUE_CONTROLLER,
    QUEUE_PROGRAM,
    has_queueing,
    queue_flags,
)
from sovereign_ai.cluster.embedded.settings import scheduler_file
from sovereign_ai.cluster.embedded.workload_controllers import (
    TRAINER,
    running_workload_controllers,
    workload_flags,
)
from sovereign_ai.cluster.keys.custody import PLANE, has_custody, socket_of
from sovereign_ai.cluster.operator import OPERATOR
from sovereign_ai.cluster.pki import LOOPBACK
from sovereign_ai.cluster.process import Process, ProcessProbe
from sovereign_ai.cluster.state import LISTENERS, ClusterDir

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
"""The programs, in the order in which they start."""
FIRST_ROLES = "first-roles"
"""The step that gives KWOK and the administrators their roles."""
CONTROLLER_DEFINITIONS = "controller-definitions"
"""The step that installs the definitions of the kinds of Kueue and other controllers."""
TRAINING_RUNTIME = "training-runtime"
"""The step that creates the runtime of TrainJobs."""
KEY_SERVICE, SECRET_GATE = "keys", "secret-gate"
"""The processes of a control plane whose keys are in a module."""
FAKE_NODE = "kwok.x-k8s.io/node=fake"
"""The annotation of the nodes that KWOK simulates."""
_ISSUER = "https://kubernetes.default.svc"
_SERVICES, _PODS = "10.96.0.0/16", "10.128.0.1/10"
_LESS_GARBAGE = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""For etcd, scheduler and controller manager: Go collects small heaps often, and a deletion takes many
requests.

With 5,000 machines the scheduler spent a fifth of its processor time on it by Go's default.
"""
_MEMORY_FOR_TIME = {"GOGC": "400", "GOMEMLIMIT": "3GiB"}
"""The API server collects its garbage less often, up to 3 GiB; it takes them for thousands of machines alone.

Collections caused the slowest of a hundred requests, more of them with admission policies than without
(benchmarks/admission.py). At a limit of 2 GiB they took a third of its processor time with 5,000 machines.
"""
_KWOK_SETTLES_SECONDS = 1.0
"""Seconds after which a KWOK with a wrong setting has ended; it has no health endpoint to probe."""
_WITHOUT_CONTROLLERS = ("ttl-controller", "validatingadmissionpolicy-status-controller")
"""Controllers that do not run here.

The first only annotates nodes for kubelets, and there are none. The second writes warnings about types into
the status of admission policies. It compiles all variables of a policy for each expression and each kind
(pkg/controller/validatingadmissionpolicystatus), 6.4 s of processor time for the policies of a factory, and
its write makes the API server compile each policy once more (measured on Kubernetes 1.37.2, 2026-11).
"""


def processes(
    cluster_dir: ClusterDir, ports: Mapping[str, int], programs: Mapping[str, Path]
) -> tuple[Process, ...]:
    """Return all processes of a cluster, in the order in which they start."""
    roles = (sys.executable, "-P", "-m", "sovereign_ai.cluster.embedded.bootstrap", str(cluster_dir.folder))
    environment = _environment(cluster_dir)
    python = environment | {"PYTHONPATH": str(Path(sovereign_ai.__file__).parents[1])}
    ready = ("kube-apiserver",)
    of_keys = _key_processes(cluster_dir, ports, python) if has_custody(cluster_dir) else ()
    return (
        Process(
            "etcd",
            (str(programs["etcd"]), *etcd(cluster_dir, ports)),
            (),
            _etcd_probe(cluster_dir, ports["etcd"]),
            env=environment | _LESS_GARBAGE,
        ),
        *of_keys,
        Process(
            "kube-apiserver",
            (str(programs["kube-apiserver"]), *apiserver(cluster_dir, ports)),
            ("etcd", *(process.name for process in of_keys)),
            _probe(cluster_dir, ports, "kube-apiserver", "/readyz"),
            env=environment | _MEMORY_FOR_TIME,
        ),
        Process(FIRST_ROLES, roles, ready, once=True, env=python),
        Process(
            "kube-controller-manager",
            (str(programs["kube-controller-manager"]), *controller_manager(cluster_dir, ports)),
            ready,
            _probe(cluster_dir, ports, "kube-controller-manager", "/healthz"),
            env=environment | _LESS_GARBAGE,
        ),
        Process(
            "kube-scheduler",
            (str(programs["kube-scheduler"]), *scheduler(cluster_dir, ports)),
            ready,
            _probe(cluster_dir, ports, "kube-scheduler", "/healthz"),
            env=environment | _LESS_GARBAGE,
        ),
        Process(
            "kwok",
            (str(programs["kwok"]), *kwok(cluster_dir)),
            (*ready, FIRST_ROLES),
            env=environment | {"KWOK_WORKDIR": str(cluster_dir.config)},
            settle_seconds=_KWOK_SETTLES_SECONDS,
        ),
        Process(
            OPERATOR,
            (*_operator(programs), str(cluster_dir.folder), str(ports[OPERATOR])),
            (),
            _probe(cluster_dir, ports, OPERATOR, "/healthz"),
            env=python,
        ),
        *_controller_processes(cluster_dir, ports, programs, python),
        *monitoring_processes(cluster_dir, ports, programs, python, after=(*ready, FIRST_ROLES)),
    )


def _controller_processes(
    cluster_dir: ClusterDir,
    ports: Mapping[str, int],
    programs: Mapping[str, Path],
    python: Mapping[str, str],
) -> Iterator[Process]:
    """Yield the step that installs the definitions of the controllers' kinds, and the controllers."""
    if not plane_controllers(cluster_dir):
        return
    module = "sovereign_ai.cluster.embedded"
    folder = str(cluster_dir.folder)
    definitions = (sys.executable, "-P", "-m", f"{module}.controller_definitions", folder)
    yield Process(CONTROLLER_DEFINITIONS, definitions, ("kube-apiserver", FIRST_ROLES), once=True, env=python)
    after = ("kube-apiserver", CONTROLLER_DEFINITIONS)
    for controller in running_workload_controllers(cluster_dir):
        name = controller.name
        flags = workload_flags(cluster_dir, name, ports[name])
        command = (str(programs[controller.program]), *flags)
        probe = _probe(cluster_dir, ports, name, "/readyz")
        yield Process(name, command, after, probe, env=_environment(cluster_dir))
        if name == TRAINER:
            runtime = (sys.executable, "-P", "-m", f"{module}.training_runtime", folder)
            yield Process(TRAINING_RUNTIME, runtime, (name,), once=True, env=python)
    if has_queueing(cluster_dir):
        command = (str(programs[QUEUE_PROGRAM]), *queue_flags(cluster_dir))
        probe = _probe(cluster_dir, ports, QUEUE_CONTROLLER, "/readyz")
        yield Process(QUEUE_CONTROLLER, command, after, probe, env=_environment(cluster_dir))


def components(cluster_dir: ClusterDir) -> tuple[str, ...]:
    """Return the programs of a control plane, in the order in which they start."""
    programs = [*COMPONENTS, *(each.program for each in running_workload_controllers(cluster_dir))]
    if has_queueing(cluster_dir):
        programs.append(QUEUE_PROGRAM)
    return (*programs, *monitors(cluster_dir))


def _operator(programs: Mapping[str, Path]) -> tuple[str, ...]:
    """Return the operator's command: a part of this package, unless a test names another program."""
    if OPERATOR in programs:
        return (str(programs[OPERATOR]),)
    return (sys.executable, "-P", "-m", "sovereign_ai.operate")


def listeners(cluster_dir: ClusterDir) -> tuple[str, ...]:
    """Return the listeners of a cluster that need a port."""
    of_keys = (SECRET_GATE,) if has_custody(cluster_dir) else ()
    of_controllers = (controller.name for controller in plane_controllers(cluster_dir))
    return (*LISTENERS, *of_keys, *of_controllers, *monitoring_listeners(cluster_dir))


def _key_processes(
    cluster_dir: ClusterDir, ports: Mapping[str, int], environment: Mapping[str, str]
) -> tuple[Process, ...]:
    """Return the key service and the secret gate of a control plane whose keys are in a module."""
    module = "sovereign_ai.cluster.keys"
    folder = str(cluster_dir.folder)
    service = (sys.executable, "-P", "-m", f"{module}.plugin", folder)
    gate = (sys.executable, "-P", "-m", f"{module}.secret_proxy", folder)
    return (
        Process(
            KEY_SERVICE,
            service,
            (),
            ProcessProbe(0, host=str(socket_of(cluster_dir, PLANE))),
            env=environment,
        ),
        Process(
            SECRET_GATE,
            gate,
            ("etcd", KEY_SERVICE),
            _etcd_probe(cluster_dir, ports[SECRET_GATE], ""),
            env=environment,
        ),
    )


def etcd(cluster_dir: ClusterDir, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Return etcd's arguments: one member, TLS with client certificates for clients and peers."""
    pki = cluster_dir.pki
    client = f"https://{LOOPBACK}:{ports['etcd']}"
    peer = f"https://{LOOPBACK}:{ports['etcd-peer']}"
    return (
        "--name=embedded",
        f"--data-dir={cluster_dir.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=embedded={peer}",
        f"--initial-cluster-token={cluster_dir.name}",
        f"--cert-file={pki / who.ETCD_SERVER}.crt",
        f"--key-file={pki / who.ETCD_SERVER}.key",
        f"--trusted-ca-file={pki / who.ETCD_CA}.crt",
        "--client-cert-auth=true",
        f"--peer-cert-file={pki / who.ETCD_PEER}.crt",
        f"--peer-key-file={pki / who.ETCD_PEER}.key",
        f"--peer-trusted-ca-file={pki / who.ETCD_CA}.crt",
        "--peer-client-cert-auth=true",
        "--tls-min-version=TLS1.3",
        "--enable-grpc-gateway=false",
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
    )


def apiserver(cluster_dir: ClusterDir, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Return the API server's arguments.

    Clients present a certificate or a token. Node and RBAC decide, and the operator on exceptions. Secrets
    are encrypted, and every request is audited. Privileged pods are possible as in every real cluster, since
    GPU operators
    need them: Pod Security and the admission policies decide who may create one.
    """
    pki = cluster_dir.pki
    through_gate: tuple[str, ...] = ()
    if has_custody(cluster_dir):
        gate = f"https://{LOOPBACK}:{ports[SECRET_GATE]}"
        through_gate = (f"--etcd-servers-overrides=/secrets#{gate}",)
    return (
        *through_gate,
        f"--advertise-address={LOOPBACK}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={ports['kube-apiserver']}",
        "--endpoint-reconciler-type=none",
        f"--etcd-servers=https://{LOOPBACK}:{ports['etcd']}",
        f"--etcd-cafile={pki / who.ETCD_CA}.crt",
        f"--etcd-certfile={pki / who.ETCD_APISERVER}.crt",
        f"--etcd-keyfile={pki / who.ETCD_APISERVER}.key",
        f"--tls-cert-file={pki / 'kube-apiserver'}.crt",
        f"--tls-private-key-file={pki / 'kube-apiserver'}.key",
        "--tls-min-version=VersionTLS13",
        f"--client-ca-file={pki / who.CLUSTER_CA}.crt",
        "--anonymous-auth=false",
        f"--authorization-config={cluster_dir.config / 'authorization.json'}",
        "--enable-admission-plugins=NodeRestriction",
        f"--admission-control-config-file={cluster_dir.config / 'admission.json'}",
        "--allow-privileged=true",
        f"--service-account-issuer={_ISSUER}",
        f"--service-account-key-file={pki / who.SERVICE_ACCOUNTS}.pub",
        f"--service-account-signing-key-file={pki / who.SERVICE_ACCOUNTS}.key",
        f"--service-cluster-ip-range={_SERVICES}",
        f"--kubelet-certificate-authority={pki / who.CLUSTER_CA}.crt",
        f"--kubelet-client-certificate={pki / who.KUBELET_CLIENT}.crt",
        f"--kubelet-client-key={pki / who.KUBELET_CLIENT}.key",
        f"--requestheader-client-ca-file={pki / who.FRONT_PROXY_CA}.crt",
        f"--requestheader-allowed-names={who.FRONT_PROXY}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki / who.FRONT_PROXY}.crt",
        f"--proxy-client-key-file={pki / who.FRONT_PROXY}.key",
        f"--encryption-provider-config={cluster_dir.config / 'encryption.json'}",
        f"--audit-policy-file={cluster_dir.config / 'audit.json'}",
        f"--audit-log-path={cluster_dir.folder / 'audit' / 'audit.log'}",
        "--audit-log-maxsize=20",
        "--audit-log-maxbackup=5",
        "--audit-log-maxage=30",
        "--profiling=false",
    )


def controller_manager(cluster_dir: ClusterDir, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Return the controller manager's arguments; each controller has its own service account."""
    return (
        *_served(cluster_dir, ports, "kube-controller-manager"),
        f"--kubeconfig={cluster_dir.identity('kube-controller-manager')}",
        "--leader-elect=false",
        "--profiling=false",
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        f"--service-account-private-key-file={cluster_dir.pki / who.SERVICE_ACCOUNTS}.key",
        f"--root-ca-file={cluster_dir.pki / who.CLUSTER_CA}.crt",
        "--use-service-account-credentials=true",
        # Simulated nodes renew no lease: with the default they would count as gone after 50 s.
        "--node-monitor-grace-period=24h",
        # Each namespace that goes is some ninety requests, one after the other. By default ten namespaces go
        # at a time, which leaves the API server idle: 60 took 27 s so, and 20 s by thirty (2026-11-29).
        "--concurrent-namespace-syncs=30",
        f"--controllers=*,{','.join(f'-{name}' for name in _WITHOUT_CONTROLLERS)}",
        f"--flex-volume-plugin-dir={cluster_dir.config / 'no-volume-plugins'}",
    )


def scheduler(cluster_dir: ClusterDir, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Return the scheduler's arguments; its connection to the API server is in its settings."""
    return (*_served(cluster_dir, ports, "kube-scheduler"), f"--config={scheduler_file(cluster_dir)}")


def kwok(cluster_dir: ClusterDir) -> tuple[str, ...]:
    """Return KWOK's arguments: it simulates every node that is annotated as fake, pods by our stages."""
    # No address for KWOK's server (0.7.0, pkg/kwok/server): it requires no certificate and would show its
    # metrics to every account of the host.
    return (
        f"--kubeconfig={cluster_dir.identity('kwok')}",
        f"--config={cluster_dir.config / 'kwok.json'}",
        f"--config={cluster_dir.config / 'kwok-stages.yaml'}",
        f"--manage-nodes-with-annotation-selector={FAKE_NODE}",
        "--node-lease-duration-seconds=0",  # no leases
        f"--cidr={_PODS}",
    )


def _served(cluster_dir: ClusterDir, ports: Mapping[str, int], component: str) -> tuple[str, ...]:
    """Return the arguments by which controller manager and scheduler answer the supervisor alone."""
    kubeconfig = cluster_dir.identity(component)
    return (
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={ports[component]}",
        f"--tls-cert-file={cluster_dir.pki / component}-server.crt",
        f"--tls-private-key-file={cluster_dir.pki / component}-server.key",
        "--tls-min-version=VersionTLS13",
        f"--client-ca-file={cluster_dir.pki / who.CLUSTER_CA}.crt",
        # By default everybody may read /healthz. The supervisor has a certificate; its permission is
        # requested from the API server once and cached, so that probes work while the API server is down.
        "--authorization-always-allow-paths=",
        "--authorization-webhook-cache-authorized-ttl=24h",
    )


def _probe(cluster_dir: ClusterDir, ports: Mapping[str, int], component: str, path: str) -> ProcessProbe:
    """Return the probe of a component, with the identity of the supervisor, which may read health only."""
    identity = cluster_dir.pki / who.SUPERVISOR
    return ProcessProbe(
        ports[component],
        path,
        f"{cluster_dir.pki / who.CLUSTER_CA}.crt",
        f"{identity}.crt",
        f"{identity}.key",
    )


def _etcd_probe(cluster_dir: ClusterDir, port: int, path: str = "/health") -> ProcessProbe:
    """Return the probe of etcd, or of the gate in front of it, with a certificate of etcd's authority."""
    identity = cluster_dir.pki / who.ETCD_SUPERVISOR
    return ProcessProbe(
        port, path, f"{cluster_dir.pki / who.ETCD_CA}.crt", f"{identity}.crt", f"{identity}.key"
    )


def _environment(cluster_dir: ClusterDir) -> dict[str, str]:
    """Return an environment without the user's proxy, kubeconfig and home."""
    return {"HOME": str(cluster_dir.folder), "PATH": "/usr/bin:/bin", "TZ": "UTC", "LANG": "C.UTF-8"}

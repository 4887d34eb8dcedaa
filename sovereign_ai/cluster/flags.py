"""What each component of an embedded control plane is started with.

Everything listens on 127.0.0.1 alone, verifies who calls, and is told no secret but by the path
of a file. Figures for the node grace period, client rates and leader election: measured here on
Kubernetes 1.37.2 and KWOK 0.7.0, 2026-11 (leader election cost 21 s at a restart).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import sovereign_ai
from sovereign_ai.cluster import identities as who
from sovereign_ai.cluster.keys.custody import PLANE, has_custody, socket_of
from sovereign_ai.cluster.operator import OPERATOR
from sovereign_ai.cluster.pki import LOOPBACK
from sovereign_ai.cluster.process import Probe, Process
from sovereign_ai.cluster.state import LISTENERS, Place

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
"""The programs, in the order in which they start."""
FIRST_ROLES = "first-roles"
"""The step that gives KWOK and the administrators their roles."""
KEY_SERVICE, SECRET_GATE = "keys", "secret-gate"
"""The processes of a plane whose keys are in a module."""
FAKE_NODE = "kwok.x-k8s.io/node=fake"
"""Which nodes KWOK plays: those with this annotation."""
_ISSUER = "https://kubernetes.default.svc"
_SERVICES, _PODS = "10.96.0.0/16", "10.128.0.1/10"
_MEMORY_FOR_TIME = {"GOGC": "400", "GOMEMLIMIT": "2GiB"}
"""The API server collects its garbage less often, as long as it holds less than 2 GiB: collections made the slowest of a hundred
requests, and more of them with admission policies than without (benchmarks/admission.py)."""
_CLIENT_RATE = ("--kube-api-qps=1000", "--kube-api-burst=2000")


def processes(where: Place, ports: Mapping[str, int], programs: Mapping[str, Path]) -> tuple[Process, ...]:
    """Give all processes of a cluster, in the order in which they start."""
    roles = (sys.executable, "-m", "sovereign_ai.cluster.bootstrap", str(where.folder))
    environment = _environment(where)
    python = environment | {"PYTHONPATH": str(Path(sovereign_ai.__file__).parents[1])}
    ready = ("kube-apiserver",)
    of_keys = _key_processes(where, ports, python) if has_custody(where) else ()
    return (
        Process("etcd", (str(programs["etcd"]), *etcd(where, ports)), (), _etcd_probe(where, ports["etcd"]), env=environment),
        *of_keys,
        Process(
            "kube-apiserver",
            (str(programs["kube-apiserver"]), *apiserver(where, ports)),
            ("etcd", *(one.name for one in of_keys)),
            _probe(where, ports, "kube-apiserver", "/readyz"),
            env=environment | _MEMORY_FOR_TIME,
        ),
        Process(FIRST_ROLES, roles, ready, once=True, env=python),
        Process(
            "kube-controller-manager",
            (str(programs["kube-controller-manager"]), *controller_manager(where, ports)),
            ready,
            _probe(where, ports, "kube-controller-manager", "/healthz"),
            env=environment,
        ),
        Process(
            "kube-scheduler",
            (str(programs["kube-scheduler"]), *scheduler(where, ports)),
            ready,
            _probe(where, ports, "kube-scheduler", "/healthz"),
            env=environment,
        ),
        Process(
            "kwok",
            (str(programs["kwok"]), *kwok(where, ports)),
            (*ready, FIRST_ROLES),
            _probe(where, ports, "kwok", "/healthz"),
            env=environment | {"KWOK_WORKDIR": str(where.config)},
        ),
        Process(
            OPERATOR,
            (*_operator(programs), str(where.folder), str(ports[OPERATOR])),
            (),
            _probe(where, ports, OPERATOR, "/healthz"),
            env=python,
        ),
    )


def _operator(programs: Mapping[str, Path]) -> tuple[str, ...]:
    """The operator is a part of this package; a test may name another program."""
    return (str(programs[OPERATOR]),) if OPERATOR in programs else (sys.executable, "-m", "sovereign_ai.operate")


def listeners(where: Place) -> tuple[str, ...]:
    """Give what needs a port in a cluster."""
    return (*LISTENERS, SECRET_GATE) if has_custody(where) else LISTENERS


def _key_processes(where: Place, ports: Mapping[str, int], environment: Mapping[str, str]) -> tuple[Process, ...]:
    """The key service and the secret gate of a plane whose keys are in a module."""
    module = "sovereign_ai.cluster.keys"
    folder = str(where.folder)
    service, gate = (sys.executable, "-m", f"{module}.plugin", folder), (sys.executable, "-m", f"{module}.gate", folder)
    return (
        Process(KEY_SERVICE, service, (), Probe(0, host=str(socket_of(where, PLANE))), env=environment),
        Process(SECRET_GATE, gate, ("etcd", KEY_SERVICE), _etcd_probe(where, ports[SECRET_GATE], ""), env=environment),
    )


def etcd(where: Place, ports: Mapping[str, int]) -> tuple[str, ...]:
    """One member, TLS with client certificates for clients and peers."""
    pki, client, peer = where.pki, f"https://{LOOPBACK}:{ports['etcd']}", f"https://{LOOPBACK}:{ports['etcd-peer']}"
    return (
        "--name=embedded",
        f"--data-dir={where.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=embedded={peer}",
        f"--initial-cluster-token={where.name}",
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


def apiserver(where: Place, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Who calls must show a certificate or a token; Node and RBAC decide, and the operator on exceptions; secrets are encrypted; all is audited.

    Privileged pods are possible as in every real cluster (GPU operators need them): Pod Security
    and the admission policies decide who may have one, and are tested here.
    """
    pki = where.pki
    through_gate = (f"--etcd-servers-overrides=/secrets#https://{LOOPBACK}:{ports[SECRET_GATE]}",) if has_custody(where) else ()
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
        f"--authorization-config={where.config / 'authorization.json'}",
        "--enable-admission-plugins=NodeRestriction",
        f"--admission-control-config-file={where.config / 'admission.json'}",
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
        f"--encryption-provider-config={where.config / 'encryption.json'}",
        f"--audit-policy-file={where.config / 'audit.json'}",
        f"--audit-log-path={where.folder / 'audit' / 'audit.log'}",
        "--audit-log-maxsize=20",
        "--audit-log-maxbackup=5",
        "--audit-log-maxage=30",
        "--profiling=false",
    )


def controller_manager(where: Place, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Each controller under its own service account; a node counts as gone after a day without a heartbeat."""
    return (
        *_client(where, ports, "kube-controller-manager"),
        f"--service-account-private-key-file={where.pki / who.SERVICE_ACCOUNTS}.key",
        f"--root-ca-file={where.pki / who.CLUSTER_CA}.crt",
        "--use-service-account-credentials=true",
        "--node-monitor-grace-period=24h",
        "--controllers=*,-ttl-controller",  # it only annotates nodes for kubelets, and there are none
        f"--flex-volume-plugin-dir={where.config / 'no-volume-plugins'}",
    )


def scheduler(where: Place, ports: Mapping[str, int]) -> tuple[str, ...]:
    """The default scheduler."""
    return _client(where, ports, "kube-scheduler")


def kwok(where: Place, ports: Mapping[str, int]) -> tuple[str, ...]:
    """Play every node that is annotated as fake, with the stages built into KWOK and without leases."""
    return (
        f"--kubeconfig={where.identity('kwok')}",
        f"--config={where.config / 'kwok.json'}",
        f"--manage-nodes-with-annotation-selector={FAKE_NODE}",
        "--node-lease-duration-seconds=0",
        f"--cidr={_PODS}",
        f"--server-address={LOOPBACK}:{ports['kwok']}",
        f"--tls-cert-file={where.pki / 'kwok-server'}.crt",
        f"--tls-private-key-file={where.pki / 'kwok-server'}.key",
    )


def _client(where: Place, ports: Mapping[str, int], component: str) -> tuple[str, ...]:
    """What controller manager and scheduler have in common."""
    kubeconfig = where.identity(component)
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={ports[component]}",
        f"--tls-cert-file={where.pki / component}-server.crt",
        f"--tls-private-key-file={where.pki / component}-server.key",
        "--tls-min-version=VersionTLS13",
        f"--client-ca-file={where.pki / who.CLUSTER_CA}.crt",
        "--leader-elect=false",
        "--profiling=false",
        *_CLIENT_RATE,
    )


def _probe(where: Place, ports: Mapping[str, int], component: str, path: str) -> Probe:
    """Ask a component of the cluster, as the supervisor, who may see health and nothing else."""
    identity = where.pki / who.SUPERVISOR
    return Probe(ports[component], path, f"{where.pki / who.CLUSTER_CA}.crt", f"{identity}.crt", f"{identity}.key")


def _etcd_probe(where: Place, port: int, path: str = "/health") -> Probe:
    """Ask etcd, or the gate before it, with a certificate of its own authority."""
    identity = where.pki / who.ETCD_SUPERVISOR
    return Probe(port, path, f"{where.pki / who.ETCD_CA}.crt", f"{identity}.crt", f"{identity}.key")


def _environment(where: Place) -> dict[str, str]:
    """A clean environment: no proxy, no kubeconfig and no home of the user's leaks into a component."""
    return {"HOME": str(where.folder), "PATH": "/usr/bin:/bin", "TZ": "UTC", "LANG": "C.UTF-8"}

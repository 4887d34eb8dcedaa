"""Network policies on real traffic: who connects gets a body, who may not gets none, in both directions.

Every answer is judged by its body, which names the server; an exit code would also be a proxy's.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.cluster.kind.config import control_plane
from sovereign_ai.render.kubernetes.network import objects
from sovereign_ai.spec.zone import Gateway
from tests.kind.pods import HOST, Site, until

pytestmark = pytest.mark.kind
DECLARED, OTHER = 8443, 8080
"""The port of the lab's only declared flow, restricted to open; and one that no flow names."""


@dataclass(frozen=True)
class Traffic:
    """Servers and a client in each zone."""

    site: Site
    pods: dict[str, dict[str, Any]]
    bodies: dict[str, str]

    def goes(self, client: str, server: str) -> bool:
        """Whether a client gets the server's own body."""
        port = server.rpartition(":")[2]
        address = self.site.address(self.pods[server])
        said = self.site.body(self.pods[client], f"http://{address}:{port}/")
        assert said in {"", self.bodies[server]}, f"somebody else answered: {said}"
        return bool(said)

    def all_go(self, *flows: tuple[str, str]) -> list[bool]:
        """Whether each client gets its server's own body, asked at once: who may not is only known after
        seconds of silence.
        """
        with ThreadPoolExecutor(len(flows)) as pool:
            return list(pool.map(lambda flow: self.goes(*flow), flows))

    def settles(self, client: str, server: str, *, goes: bool) -> None:
        """Wait until a changed policy is in force, and see that it stays so."""
        until(
            lambda: self.goes(client, server) is goes,
            lambda: f"{client} -> {server} should {'go' if goes else 'not go'}",
            30,
        )
        assert all(self.goes(client, server) is goes for _ in range(3))


@pytest.fixture(scope="module")
def traffic(site: Site) -> Iterator[Traffic]:
    """Two servers and a client in each zone, each zone on its own machine, so that traffic crosses
    machines.
    """
    pods, bodies = {}, {}
    for zone in ("restricted", "open"):
        for port in (DECLARED, OTHER):
            name = f"{zone}:{port}"
            bodies[name] = f"{name} {secrets.token_hex(4)}"
            pods[name] = site.pod(f"server-{port}", zone, "serve", f":{port}", bodies[name])
            pods[name]["metadata"]["labels"] = {
                **pods[name]["metadata"].get("labels", {}),
                "server": str(port),
            }
        pods[zone] = site.pod("client", zone, "pause")
    with site.running(*pods.values()):
        made = Traffic(site, pods, bodies)
        made.settles("restricted", f"open:{DECLARED}", goes=True)
        yield made


def policy(site: Site, namespace: str, name: str) -> dict[str, Any]:
    """A policy as it was rendered."""
    return next(
        obj
        for obj in site.bundle.objects
        if (obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])
        == ("NetworkPolicy", namespace, name)
    )


def test_the_pods_of_two_zones_run_on_two_machines(traffic: Traffic) -> None:
    site = traffic.site
    assert site.real("restricted") != site.real("open")
    assert {site.get(pod)["spec"]["nodeName"] for pod in traffic.pods.values()} == {
        site.real("restricted"),
        site.real("open"),
    }


def test_a_declared_flow_carries_a_body_on_its_port_and_in_its_direction_alone(traffic: Traffic) -> None:
    others = [
        ("restricted", f"open:{OTHER}"),
        ("open", f"restricted:{DECLARED}"),
        ("open", f"restricted:{OTHER}"),
    ]
    assert traffic.all_go(("restricted", f"open:{DECLARED}"), *others) == [True, False, False, False]


def test_within_a_namespace_every_port_is_open(traffic: Traffic) -> None:
    for zone in ("restricted", "open"):
        for port in (DECLARED, OTHER):
            assert traffic.goes(zone, f"{zone}:{port}")


@pytest.mark.parametrize("zone", ["restricted", "open"])
def test_a_name_leads_to_its_service_and_the_service_to_its_pod(traffic: Traffic, zone: str) -> None:
    site, client = traffic.site, traffic.pods[zone]
    namespace = client["metadata"]["namespace"]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "by-name", "namespace": namespace},
        "spec": {"selector": {"server": str(OTHER)}, "ports": [{"port": 80, "targetPort": OTHER}]},
    }
    url = f"http://by-name.{namespace}.svc.cluster.local/"
    with site.there(service):
        until(
            lambda: site.body(client, url) == traffic.bodies[f"{zone}:{OTHER}"],
            lambda: f"{url} gave no body",
            30,
        )


@pytest.mark.parametrize(
    ("zone", "name"),
    [("open", "from-restricted"), ("restricted", "to-open")],
    ids=["inbound end", "outbound end"],
)
def test_a_flow_stops_when_either_end_is_taken_away_and_goes_again_when_it_is_back(
    traffic: Traffic, zone: str, name: str
) -> None:
    site, flow = traffic.site, ("restricted", f"open:{DECLARED}")
    one = policy(site, site.place(zone).namespace.name, name)
    traffic.settles(*flow, goes=True)
    site.remove(one)
    try:
        traffic.settles(*flow, goes=False)
    finally:
        site.api.apply(one, force=True)
    traffic.settles(*flow, goes=True)


def test_a_policy_that_opens_more_than_is_declared_is_refused_at_admission(traffic: Traffic) -> None:
    site = traffic.site
    wide = policy(site, site.place("restricted").namespace.name, "default-deny")
    wide = {**wide, "metadata": {**wide["metadata"], "name": "open-to-all"}}
    wide["spec"] = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    with pytest.raises(ApiError, match="FLW-001"):
        site.api.create(wide, dry_run=True)


@contextmanager
def on_the_hosts_network(site: Site) -> Iterator[Traffic]:
    """A server and a client on the network of each real machine and of the control plane, outside every
    zone.
    """
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "host-network"}}
    machines = {
        "restricted": site.real("restricted"),
        "open": site.real("open"),
        "control-plane": control_plane(site.name),
    }
    pods, bodies = {}, {}
    for where, machine in machines.items():
        bodies[f"{where}-host:9080"] = f"host of {machine} {secrets.token_hex(4)}"
        pods[f"{where}-host:9080"] = _host_pod(
            site, f"server-{where}", machine, "serve", ":9080", bodies[f"{where}-host:9080"]
        )
        pods[f"{where}-host"] = _host_pod(site, f"client-{where}", machine, "pause")
    with site.there(space), site.running(*pods.values()):
        yield Traffic(site, pods, bodies)


def _host_pod(site: Site, name: str, machine: str, *words: str) -> dict[str, Any]:
    """A pod on a machine's network."""
    pod = site.pod(name, "restricted", *words)
    pod["metadata"] = {"name": name, "namespace": "host-network"}
    pod["spec"] |= {
        "hostNetwork": True,
        "nodeSelector": {HOST: machine},
        "tolerations": [{"operator": "Exists"}],
    }
    return pod


def test_a_tenants_pod_cannot_have_the_hosts_network(traffic: Traffic) -> None:
    pod = traffic.site.pod("host-tenant", "restricted", "pause")
    pod["spec"]["hostNetwork"] = True
    with pytest.raises(ApiError, match=r"PodSecurity|PRV-"):
        traffic.site.api.create(pod, dry_run=True)


def test_hosts_and_zones_reach_each_other_only_where_it_is_unavoidable(traffic: Traffic) -> None:
    with on_the_hosts_network(traffic.site) as hosts:
        both = Traffic(traffic.site, traffic.pods | hosts.pods, traffic.bodies | hosts.bodies)
        assert both.goes("open-host", "restricted-host:9080"), (
            "hosts are in no zone: this is the control of the test"
        )
        for zone, other in (("restricted", "open"), ("open", "restricted")):
            to_pods = [(f"{other}-host", f"{zone}:{DECLARED}"), ("control-plane-host", f"{zone}:{DECLARED}")]
            assert both.all_go(*to_pods) == [False, False], "another machine's host reaches no pod"
            assert both.all_go((zone, f"{other}-host:9080"), (zone, "control-plane-host:9080")) == [
                False,
                False,
            ], "a pod reaches no host"
            assert both.goes(f"{zone}-host", f"{zone}:{DECLARED}"), "a machine's own host probes its pods"


@contextmanager
def outside(address: str, body: str) -> Iterator[int]:
    """A server of this machine's own, outside the cluster; its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's own name
            """Say nothing."""

    server = ThreadingHTTPServer((address, 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_egress_leaves_only_through_the_declared_gateway(traffic: Traffic) -> None:
    site = traffic.site
    gateways = site.lab.docker.text(
        "network", "inspect", "kind", "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}"
    ).split()
    way_out = next(one for one in gateways if ":" not in one)
    with outside(way_out, "through the gateway") as port, outside(way_out, "beside the gateway") as beside:
        gateway = Gateway(
            name="exchange",
            entity="Example Exchange",
            seat="DE",
            addresses=(f"{way_out}/32",),
            ports=(port,),
            zones=("restricted",),
        )
        declared = site.factory.model_copy(update={"gateways": (gateway,)})
        spaces, policies = {}, []
        for zone in ("restricted", "open"):
            spaces[zone] = f"egress-{zone}"
            here = replace(site.place(zone).namespace, name=spaces[zone])
            policies += [*objects(declared, replace(site.plan.cluster(site.name), namespaces=(here,)))]
        made = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in spaces.values()
        ]
        clients = {zone: site.pod("client", zone, "pause") for zone in spaces}
        for zone, pod in clients.items():
            pod["metadata"] = {"name": "client", "namespace": spaces[zone]}
        with site.there(*made), site.running(*clients.values()):
            for zone, client in clients.items():
                assert site.body(client, f"http://{way_out}:{port}/") == "through the gateway", (
                    f"{zone}: the way out is there before a policy"
                )
            with site.there(*policies):
                until(
                    lambda: not site.body(clients["open"], f"http://{way_out}:{port}/"),
                    lambda: "the open zone still gets out",
                    30,
                )
                asked = [("restricted", port), ("restricted", beside), ("open", port)]
                with ThreadPoolExecutor(len(asked)) as pool:
                    bodies = list(
                        pool.map(lambda one: site.body(clients[one[0]], f"http://{way_out}:{one[1]}/"), asked)
                    )
                assert bodies == ["through the gateway", "", ""]
                (only,) = [one for one in policies if one["metadata"]["name"] == "gateway-exchange"]
                site.remove(only)
                until(
                    lambda: not site.body(clients["restricted"], f"http://{way_out}:{port}/"),
                    lambda: "it still gets out",
                    30,
                )

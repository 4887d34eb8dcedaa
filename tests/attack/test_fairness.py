"""One tenant's flood of requests fills that tenant's part of the API server, and nobody else's.

The flood are lists that wait: asked for a state that does not exist yet, the API server keeps each for three
seconds (`blockTimeout` of its watch cache), and with it a seat. Nothing is measured by the clock alone: the
API server's own metrics say whose requests it refused, and how many it worked on.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.cluster.identities import CLUSTER_CA
from sovereign_ai.cluster.pki import Leaf, authority, sign
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.cluster.tls import load_pair
from sovereign_ai.plan import HAND_SIZE, QUEUE_LENGTH
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.spec.reader import load

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).resolve().parents[2]
FLOODED, QUIET, PLATFORM = "sovereign-tenant-research", "sovereign-tenant-startups", "sovereign-platform"
NEEDED = {"FlowSchema", "Namespace", "PriorityLevelConfiguration", "Role", "RoleBinding"}
ASKED, BEYOND = 20, 60
_SAMPLE = re.compile(r"^apiserver_flowcontrol_(\w+)\{([^}]*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Plane:
    """A control plane with the lab's priority levels, and what its people present."""

    api: Api
    server: str
    pki: Path

    def connection(self, user: str, group: str) -> http.client.HTTPSConnection:
        """Return a connection of a person, not yet made."""
        pair = sign(
            authority(self.pki, CLUSTER_CA), Leaf("", user, (group,), client=True), timedelta(hours=1)
        )
        context = ssl.create_default_context(cafile=str(self.pki / f"{CLUSTER_CA}.crt"))
        load_pair(context, pair.certificate, pair.key)
        address = urlsplit(self.server)
        return http.client.HTTPSConnection(str(address.hostname), address.port, timeout=60, context=context)

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a metric that have some labels."""
        text = str(self.api.request("GET", "/metrics").get("text", ""))
        total = 0.0
        for sample in _SAMPLE.finditer(text):
            if sample[1] == name and labels.items() <= dict(_LABEL.findall(sample[2])).items():
                total += float(sample[3])
        return total


@pytest.fixture(scope="module")
def plane() -> Iterator[Plane]:
    factory = load(ROOT / "stacks" / "lab")
    objects = [obj for obj in render(factory, plan(factory), "lab").objects if obj["kind"] in NEEDED]
    with tempfile.TemporaryDirectory() as folder:
        cluster = up("fair", root=Path(folder))
        try:
            api = open_cluster(cluster.kubeconfig)
            for obj in objects:
                api.apply(obj, force=True)
            yield Plane(api, cluster.server, ClusterDir("fair", cluster.folder).pki)
            api.close()
        finally:
            down("fair", root=Path(folder))


def flow_of(plane: Plane, user: str, group: str) -> str:
    """Return the name of the FlowSchema that the API server puts a person's requests under."""
    uids = {}
    for flow in plane.api.list("flowcontrol.apiserver.k8s.io/v1", "FlowSchema"):
        uids[flow["metadata"]["uid"]] = str(flow["metadata"]["name"])
    connection = plane.connection(user, group)
    connection.request("GET", "/api/v1/namespaces/research/pods")
    answer = connection.getresponse()
    connection.close()
    return uids[str(answer.getheader("X-Kubernetes-PF-FlowSchema-UID"))]


@pytest.mark.parametrize(
    ("user", "group", "flow"),
    [
        ("ann", "tenant:research", FLOODED),
        ("ann", "tenant:research:viewers", FLOODED),
        ("system:serviceaccount:research:workload", "system:serviceaccounts:research", FLOODED),
        ("bob", "tenant:startups", QUIET),
        ("sovereign-ai:operator", "x", PLATFORM),
        ("root", "sovereign-ai:admins", PLATFORM),
        ("eve", "tenant:research-2", "global-default"),
        ("system:serviceaccount:tools:ci", "system:serviceaccounts:tools", "global-default"),
    ],
)
def test_requests_go_to_the_level_of_who_sends_them(plane: Plane, user: str, group: str, flow: str) -> None:
    deadline = time.monotonic() + 20
    while flow_of(plane, user, group) != flow:
        assert time.monotonic() < deadline, flow_of(plane, user, group)
        time.sleep(0.2)


def answered(connection: http.client.HTTPSConnection, path: str) -> tuple[int, Any]:
    """Return status and content of an answer."""
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_one_tenants_flood_is_refused_and_others_are_answered(plane: Plane) -> None:
    seats = int(plane.metric("nominal_limit_seats", priority_level=FLOODED))
    assert seats > 0
    # One person's requests wait in as many queues as a hand has, so all that come beyond these are refused.
    count = seats + HAND_SIZE * QUEUE_LENGTH + BEYOND
    template = plane.connection("ann", "tenant:research")
    flood = []
    for _ in range(count):
        connection = http.client.HTTPSConnection(
            template.host,
            template.port,
            timeout=60,
            context=template._context,  # type: ignore[attr-defined]
        )
        connection.connect()
        flood.append(connection)
    quiet = plane.connection("bob", "tenant:startups")
    quiet.connect()
    before = plane.metric("dispatched_requests_total", flow_schema=QUIET)
    later = "/api/v1/namespaces/research/pods?resourceVersion=900000000000&resourceVersionMatch=NotOlderThan"
    for connection in flood:
        connection.request("GET", later)
    busy = plane.metric("current_executing_seats", priority_level=FLOODED)
    statuses = [answered(quiet, "/api/v1/namespaces/startups/pods")[0] for _ in range(ASKED)]
    plane.api.list("v1", "Namespace")
    still_busy = plane.metric("current_executing_seats", priority_level=FLOODED)
    refused = 0
    for connection in flood:
        refused += connection.getresponse().status == http.client.TOO_MANY_REQUESTS
        connection.close()
    quiet.close()

    assert busy >= seats * 0.9, "the flood fills its level"
    assert still_busy >= seats * 0.9, "the others were asked during the flood"
    assert statuses == [200] * ASKED
    assert plane.metric("dispatched_requests_total", flow_schema=QUIET) == before + ASKED
    assert refused > 0
    assert plane.metric("rejected_requests_total", flow_schema=FLOODED) == refused
    assert plane.metric("rejected_requests_total") == refused, "nobody else was refused anything"
    for others in (QUIET, PLATFORM):
        waited = plane.metric("request_wait_duration_seconds_sum", flow_schema=others, execute="true")
        assert waited < 1, f"{others} waited for a seat"

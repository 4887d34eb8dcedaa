from __future__ import annotations

from typing import Any

import pytest

from tests.rules.deciding import obj, refused_by
from tests.rules.subject import pod


@pytest.mark.parametrize(
    ("spec", "rules"),
    [
        ({"type": "ClusterIP"}, set()),
        ({"externalIPs": ["203.0.113.9"]}, {"NET-001"}),
        ({"type": "NodePort"}, {"NET-002"}),
        ({"type": "ExternalName", "externalName": "example.com"}, {"NET-003"}),
    ],
)
def test_a_service_opens_nothing_by_itself(spec: dict[str, Any], rules: set[str]) -> None:
    assert refused_by(obj("Service", spec=spec)) == rules


@pytest.mark.parametrize(("host", "rules"), [("a.example.com", set()), ("*.example.com", {"NET-004"})])
def test_an_ingress_names_its_hosts(host: str, rules: set[str]) -> None:
    assert refused_by(obj("Ingress", "networking.k8s.io/v1", spec={"rules": [{"host": host}]})) == rules


def test_a_pod_asks_the_clusters_own_dns() -> None:
    assert refused_by(pod(dnsPolicy="ClusterFirst")) == set()
    assert refused_by(pod(dnsPolicy="Default")) == {"NET-007"}
    assert refused_by(pod(hostAliases=[{"ip": "127.0.0.1", "hostnames": ["a"]}])) == set()
    assert refused_by(pod(hostAliases=[{"ip": "203.0.113.9", "hostnames": ["a"]}])) == {"NET-007"}


def test_a_probe_calls_its_own_pod() -> None:
    probed = pod()
    probed["spec"]["containers"][0]["livenessProbe"] = {"httpGet": {"path": "/", "port": 80}}
    assert refused_by(probed) == set()
    probed["spec"]["containers"][0]["livenessProbe"]["httpGet"]["host"] = "example.com"
    assert refused_by(probed) == {"NET-009"}


def test_no_variable_makes_a_pod_ask_for_other_names() -> None:
    for name in ("LOCALDOMAIN", "HOSTALIASES"):
        varied = pod()
        varied["spec"]["containers"][0]["env"] = [{"name": name, "value": "x"}]
        assert refused_by(varied) == {"NET-007"}
        varied["spec"]["containers"][0]["env"][0]["name"] = f"MY_{name}"
        assert refused_by(varied) == set()

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.places.unknown_kinds import parts_of_unknown_kinds
from tests.rules import deciding


def refused(version: str = "example.net/v1", kind: str = "Thing", **fields: Any) -> bool:
    """Return whether an object of an unknown kind in a namespace of others is refused."""
    return "RES-011" in deciding.refused_by(deciding.obj(kind, version, namespace="databases", **fields))


def is_refused_beside(address_range: str, addresses: list[str]) -> bool:
    """Return whether a pool of these addresses is refused where a gateway has a range."""
    context = replace(deciding.small_context(), outside=(("restricted", address_range),))
    pool = deciding.obj(
        "IPAddressPool", "metallb.io/v1beta1", namespace="metallb-system", spec={"addresses": addresses}
    )
    return "RES-011" in {finding.rule for finding in evaluate([pool], context)}


@pytest.mark.parametrize(
    "spec",
    [
        {"endpoint": "collector.example.org"},
        {"outputs": [{"name": "a", "webhook": {"url": "https://hooks.example.org/x"}}]},
        {"config": {"bootstrap.servers": "kafka:9092,kafka.example.org:9092"}},
        {"a": {"b": {"c": {"d": {"e": [{"server": "user@192.0.2.7:22"}]}}}}},
        {"store": {"bucketName": "elsewhere"}},
        {"path": "s3://elsewhere/x"},
    ],
)
def test_a_server_or_a_bucket_outside_is_refused_wherever_it_stands(spec: dict[str, Any]) -> None:
    assert refused(spec=spec)


@pytest.mark.parametrize(
    "spec",
    [
        {"endpoint": "collector.monitoring.svc:4317", "docs": "https://docs.example.org/"},
        {"servers": ["10.0.0.1", "fd00::1", "broker:9092"]},
        {"store": {"bucketName": "ours", "endpoint": "http://minio.minio.svc:9000"}},
        {"capabilities": {"bucket": "*", "user": "read"}},
        {"rewrite": {"target": "/$1"}, "replicas": 3, "paused": True, "nothing": None},
    ],
)
def test_what_is_inside_or_no_server_is_permitted(spec: dict[str, Any]) -> None:
    assert not refused(spec=spec)


def test_the_name_of_a_cloud_or_of_a_copy_is_enough() -> None:
    assert refused("s3.aws.example.net/v1", "Bucket")
    assert refused(kind="VolumeReplicationGroup")
    assert not refused(kind="RedisReplication")


def test_the_expression_grows_with_the_depth_and_not_with_its_square() -> None:
    parts = parts_of_unknown_kinds(())
    assert max(len(parts["opened"]), len(parts["leaves"])) < 2_000


def test_only_kinds_that_no_rule_knows_are_judged_by_the_text_of_their_fields() -> None:
    # The offline evaluator leaves these fields out for the others, and so does the policy.
    text = parts_of_unknown_kinds(())["opened"]
    assert "|| variables.known_kind ||" in text.partition("dyn(object)")[0]


HOST = "x.example.org"
SERVED = (
    *("ingress.host", "ingress.hosts", "route.host", "httpRoute.hosts", "gateway.host", "listeners.host"),
    *("exposed.host", "publicHost", "domains.host", "advertisedHost", "horizons.host", "gameUI.host"),
    *("web.host", "ui.host", "console.host", "dashboard.host", "portalHost", "redirect.host"),
    *("virtualHost.host", "virtualService.hosts", "hostAliases.hostnames", "probe.httpGet.host"),
    *("tls.hosts", "users.host", "acls.host", "hostname", "host", "hosts", "rules.host"),
)
"""Fields under which an object is served itself, or from where its clients come."""


def nested(path: str, value: object) -> dict[str, Any]:
    """Return a mapping with a value at a path."""
    found: Any = value
    for step in reversed(path.split(".")):
        found = {step: found}
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("path", SERVED)
def test_a_host_under_which_the_object_is_served_is_permitted(path: str) -> None:
    assert not refused(spec=nested(path, HOST))


@pytest.mark.parametrize("word", sorted({re.split("[.]", path)[0] for path in SERVED if "." in path}))
def test_a_word_for_what_is_served_counts_neither_in_another_word_nor_in_the_host_nor_in_the_kind(
    word: str,
) -> None:
    assert refused(spec={f"x{word}x": {"part": {"host": HOST}}})
    assert refused(spec={"part": {"host": f"{word}.example.org"}})
    assert refused(kind=f"{word.capitalize()}x", spec={"part": {"host": HOST}})
    assert refused(spec={"values": f"cache:\n  host: {HOST}\n", "also": word})


@pytest.mark.parametrize(
    "spec",
    [
        *(nested(f"{name}.host", HOST) for name in ("pushgateway", "pushGateway", "accessLog", "webhooks")),
        *(nested(f"{name}.host", HOST) for name in ("router", "exposition", "logging.web", "auditLog.ui")),
        *(nested(f"{name}.hostname", HOST) for name in ("ldap", "kafkaConfig", "primary", "syslog", "vault")),
    ],
)
def test_a_host_that_measurements_logs_or_questions_go_to_is_refused(spec: dict[str, Any]) -> None:
    assert refused(spec=spec)


@pytest.mark.parametrize("name", ["tokenURL", "oauth2TokenURL", "authUrl", "jwksURL", "pushUrl"])
def test_a_pair_is_judged_as_a_field_of_the_name_in_it(name: str) -> None:
    assert refused(spec={"metadata": [{"name": name, "value": f"https://{HOST}/x"}]})
    assert not refused(spec={"metadata": [{"name": name, "value": "https://sso.research.svc/x"}]})
    assert not refused(spec={"metadata": [{"name": "docsUrl", "value": f"https://{HOST}/x"}]})


@pytest.mark.parametrize(
    "path",
    [
        *("issuer", "auth.issuer", "issuers", "trustedIssuers", "issuerURL", "oidc.issuerUrl", "issuer_url"),
        *("authority", "discovery", "wellKnown", "discoveryURL", "samlUrl", "idpUrl", "sso.url"),
    ],
)
def test_whoever_signs_people_in_is_a_server(path: str) -> None:
    assert refused(spec=nested(path, f"https://{HOST}/realms/a"))
    assert not refused(spec=nested(path, "http://dex.auth.svc:5556/dex"))


def test_the_issuer_of_a_certificate_is_no_server() -> None:
    assert refused(spec={"issuer": HOST})
    assert not refused(spec={"issuer": f"CN={HOST},O=Example"})
    assert not refused(spec={"issuerRef": {"name": HOST, "kind": "Issuer", "group": "cert-manager.io"}})
    assert refused(spec={"values": f"oidc:\n  issuer: https://{HOST}\n"})


@pytest.mark.parametrize(
    "service",
    ["cloudwatch", "stackdriver", "kinesis", "sqs", "sns", "bigquery", "eventhub", "slack", "honeycomb"],
)
def test_a_service_is_known_as_a_type_as_a_key_and_in_a_list(service: str) -> None:
    assert refused(spec={"sinks": [{"type": service}]})
    assert refused(spec={"sinks": [{service: {"queue": "q"}}]})
    assert refused(spec={"pipelines": {"logs": {"exporters": ["file", service]}}})
    assert not refused(spec={"sinks": [{"type": "file"}], "pipelines": {"logs": {"exporters": ["file"]}}})


@pytest.mark.parametrize(
    "spec",
    [
        *({"source": {name: {"repo": "org/model"}}} for name in ("hf", "huggingface", "huggingFace")),
        *({"source": {name: "org/model"}} for name in ("hf", "hugging_face", "hfRepo", "hfModelId")),
        *({"model": {name: "hf", "id": "org/model"}} for name in ("repo", "source", "hub", "downloader")),
        *({name: "huggingface"} for name in ("provider", "modelHub", "modelSource", "registry")),
        *({"model": f"{scheme}://org/model"} for scheme in ("hf", "ollama", "kaggle", "modelscope", "ipfs")),
        {"model": "hf:org/model"},
        {"source": {"type": "modelscope", "model": "org/model"}},
        {"dataset": {"kaggle": {"dataset": "org/data"}}},
        {"source": {"hf": {"endpoint": f"https://{HOST}", "repo": "org/model"}}},
    ],
)
def test_a_hub_of_models_needs_no_address(spec: dict[str, Any]) -> None:
    assert refused(spec=spec)


@pytest.mark.parametrize(
    "spec",
    [
        {"source": {"hf": {"endpoint": "http://hub.research.svc", "repo": "org/model"}}},
        {"endpoint": "http://hub.research.svc", "modelHub": "huggingface"},
        {"modelFormat": {"name": "huggingface"}, "storageUri": "pvc://models/llama"},
        {"model": "org/model", "tokenSecret": {"name": "hf"}, "repo": "org/half"},
        {"hfTokenSecret": {"name": "token"}, "shelf": {"repo": "a/b"}},
    ],
)
def test_a_mirror_inside_and_a_format_are_no_hub_outside(spec: dict[str, Any]) -> None:
    assert not refused(spec=spec)


def listed(spec: dict[str, Any]) -> bool:
    """Return whether an object of a kind that is listed for its zone is refused."""
    context = deciding.small_context()
    kinds = (("restricted", "example.net/Thing"),)
    outside = (("open", "203.0.113.0/24"), ("restricted", "198.51.100.0/24"), ("restricted", "s3.example.de"))
    buckets = (("restricted", "s3://ours"), ("open", "s3://theirs"))
    context = replace(context, allowed_kinds=kinds, outside=outside, buckets=buckets)
    thing = deciding.obj("Thing", "example.net/v1", namespace="research", spec=spec)
    return "RES-011" in {finding.rule for finding in evaluate([thing], context)}


@pytest.mark.parametrize(
    "spec",
    [
        {"replicas": 3, "docs": "https://docs.example.org"},
        {"endpoint": "http://minio.research.svc"},
        {"endpoint": "https://s3.example.de", "bucket": "x"},
        {"endpoint": "198.51.100.7:443"},
        {"store": {"bucket": "ours"}},
        {"store": "s3://ours/path"},
        {"ingress": {"host": HOST}},
        {"url": "http://grafana.monitoring.svc"},
        {"url": "grafana"},
        {"url": "https://s3.example.de/x", "docsUrl": f"https://{HOST}/x"},
        {"registry": "registry.example.com"},
        {"externalUrl": f"https://{HOST}/", "links": {"home": f"https://{HOST}/"}},
        {"description": f"as in https://{HOST}/x"},
        {"region": "fra1", "zone": "fra1-a", "location": "primary"},
        {"zone": "restricted", "nodeSelector": {"topology.kubernetes.io/zone": "hall-1"}},
        {"store": {"endpoint": "http://minio.research.svc", "bucket": "x", "region": "us-east-1"}},
    ],
)
def test_a_kind_that_is_listed_for_a_zone_may_name_what_is_inside_or_at_a_gateway_of_it(
    spec: dict[str, Any],
) -> None:
    assert not listed(spec)


@pytest.mark.parametrize(
    "spec",
    [
        {"endpoint": f"https://{HOST}"},
        {"endpoint": "203.0.113.7:443"},
        {"store": {"bucket": "theirs"}},
        {"store": "s3://theirs/path"},
        {"store": "s3://ours-too/path"},
        {"output": [{"type": "slack"}]},
        {"values": f"redis:\n  host: {HOST}\n"},
        {"addresses": ["203.0.113.0/24"]},
        {"url": HOST},
        {"url": f"https://{HOST}/x"},
        {"apiUrl": HOST},
        {"api": HOST},
        {"registry": "elsewhere.azurecr.io"},
        {"imageRegistry": "docker.io"},
        {"repoURL": f"https://{HOST}/x.git"},
        {"hub": f"https://{HOST}"},
        {"baseURL": f"https://{HOST}/v1"},
        {"region": "us-east-1"},
        {"regions": ["fra1", "us-east-1"]},
        {"placement": {"regionName": "eu-west-1"}},
        {"zone": "us-east-1a"},
        {"locations": ["europe-west4-b"]},
        {"datacenter": "us-east"},
        {"endpoint": {"region": "us-east-1", "subRegion": "us-east-2"}},
    ],
)
def test_to_list_a_kind_for_a_zone_opens_no_host(spec: dict[str, Any]) -> None:
    assert listed(spec)


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.10-10.0.0.20"],
        ["10.0.0.10 - 10.0.0.20"],
        ["10.0.0.0/24", "192.168.7.0/28"],
        ["10.0.0.7/32", "fd00::/64"],
        ["fd00::10-fd00::20"],
        ["203.0.113.0/28"],
        ["203.0.113.2-203.0.113.5"],
        ["203.0.113.7/32", "10.255.0.0-10.255.255.255"],
    ],
)
def test_a_range_within_a_private_or_declared_one_is_permitted(addresses: list[str]) -> None:
    assert not is_refused_beside("203.0.113.0/24", addresses)


@pytest.mark.parametrize(
    "addresses",
    [
        ["198.51.100.1-198.51.100.9"],
        ["10.0.0.10-203.0.113.9"],
        ["10.0.0.10 - 198.51.100.9"],
        ["9.255.255.255-10.0.0.5"],
        ["10.0.0.0/7"],
        ["0.0.0.0/0"],
        ["203.0.113.0/23"],
        ["203.0.113.2-203.0.114.5"],
        ["2001:db8::/32"],
        ["2001:db8::10-2001:db8::20"],
        ["fd00::10-2001:db8::20"],
        ["10.0.0.1-10.0.0.9", "198.51.100.1-198.51.100.9"],
        ["10.0.0.1-10.0.0.9,198.51.100.1-198.51.100.9"],
        ["10.0.0.1,198.51.100.1"],
        ["10.0.0.1,elsewhere.example.org"],
        ["10.0.0.10-20"],
    ],
)
def test_a_range_that_leaves_a_private_or_declared_one_is_refused(addresses: list[str]) -> None:
    assert is_refused_beside("203.0.113.0/24", addresses)

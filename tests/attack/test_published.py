"""Each field of a published definition whose name suggests a place is judged, or listed with a reason."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from sovereign_ai.rules.addons.table import ADDONS
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.places.fields import Field
from tests.attack.published import TABLE, UNKNOWN, suggesting
from tests.rules.test_residency_by_default import described

PUBLISHED: dict[str, Any] = yaml.load(TABLE.read_text(encoding="utf-8"), yaml.CSafeLoader)
WITHOUT_TABLE: dict[str, Any] = yaml.load(UNKNOWN.read_text(encoding="utf-8"), yaml.CSafeLoader)
NO_PLACE = {
    "authOptions.secretName": "a Secret of the own namespace",
    "noProxy": "which hosts are asked without a proxy",
    ".rules.http[].host": "what a rule of the network plugin narrows requests to",
    "Deny[].toGroups[].aws.region": "a policy that denies",
    "Deny[].fromGroups[].aws.region": "a policy that denies",
    "Deny[].toNodes[].ip": "a policy that denies",
    ".operation.hosts[]": "which requests a policy of the mesh is about",
    ".operation.notHosts[]": "which requests a policy of the mesh is about",
    ".match[].sniHosts[]": "which requests a route of the mesh is about",
    ".redirect.uri": "the path of a redirect: `authority` is its host",
    ".rewrite.uri": "the path of a request",
    "ddresses[]": "what a certificate is for; ServiceEntry has a condition of its own",
    "spec.secretName": "a Secret of the own namespace",
    "spec.ca.secretName": "a Secret of the own namespace",
    "clientCertificate.secretName": "a Secret of the own namespace",
    "fileSystem.pvc.spec.storageClassName": "judged in the claim that is made from it",
    "scalingModifiers.target": "a number",
    "scalingModifiers.activationTarget": "a number",
    "spec.jobTargetRef.managedBy": "judged in the Job that is made from it",
    "spec.elasticPolicy.rdzvBackend": "the name of a protocol: `rdzvHost` says where it is spoken",
    "metric.backend": "the name of a protocol: `serverAddress` says where it is spoken",
    "spec.grpcDataEndpoint": "where the pod itself listens",
    "spec.grpcEndpoint": "where the pod itself listens",
    "spec.httpDataEndpoint": "where the pod itself listens",
    "spec.externalUrl": "what links in messages begin with: nothing is sent there",
    ".httpGet.host": "judged in the pod that is made from it (NET-009)",
    ".tcpSocket.host": "judged in the pod that is made from it (NET-009)",
    "ports[].hostIP": "judged in the pod that is made from it (PRV-004)",
}
"""Ends of paths that are in no table, with the reason."""


READ_BY_THE_WHOLE = {
    "own-hosts": ("spec.host", "spec.hosts[]"),
    "own-mesh": ("spec.exportTo[]",),
    "own-cluster": ("spec.destination.server", "spec.template.spec.destination.server"),
}
"""What a condition on a whole specification reads; it judges nothing else in it."""


OF_KEYS = ("allowed-keys", "configs", "forbidden-keys")
"""Conditions on the keys of a mapping, which judge no value."""


def is_judged(key: str, path: str) -> bool:
    """Return whether a table judges a field, or refuses or judges what holds it."""
    addon = ADDONS[key]
    heads = [field.path for field in addon.fields if field.must not in {*READ_BY_THE_WHOLE, *OF_KEYS}]
    heads += addon.templates
    for field in addon.fields:
        heads += READ_BY_THE_WHOLE.get(field.must, ())
        if field.must == "forbidden-keys":
            heads += [f"{field.path}.{word}" for word in field.words]
    return is_left_out(addon.fields, path) or is_below(heads, path)


def is_left_out(fields: tuple[Field, ...], path: str) -> bool:
    """Return whether a field lies in a key that a condition on keys does not let in."""
    for field in fields:
        # A schema names each key of what a table calls a mapping.
        holder = re.match(re.escape(field.path).replace(r"\{\}", "(?:[{][}]|[.][^.[{]+)") + "[.]", path)
        if not holder:
            continue
        key = re.split(r"[.\[{]", path[holder.end() :])[0]
        if field.must == "configs" and key.endswith("Configs") and key not in field.words:
            return True
        if field.must == "allowed-keys" and key not in field.words:
            return True
    return False


def is_below(heads: list[str], path: str) -> bool:
    """Return whether a path is one of some, or below one."""
    below = tuple(f"{head}{mark}" for head in heads for mark in (".", "[", "{"))
    return path in heads or path.startswith(below)


@pytest.mark.parametrize("key", PUBLISHED)
def test_every_published_field_that_suggests_a_place_is_judged_or_has_a_reason(key: str) -> None:
    paths = PUBLISHED[key]["fields"]
    left = [path for path in paths if not is_judged(key, path) and not path.endswith(tuple(NO_PLACE))]
    assert left == []


def test_a_field_is_found_below_lists_and_mappings_and_not_in_pods() -> None:
    text = {"type": "string"}
    rows = {"type": "array", "items": {"properties": {"url": text, "note": text}}}
    pod = {"properties": {"containers": {}, "hostname": text}}
    properties = {"rows": rows, "sets": {"additionalProperties": rows}, "pod": pod, "region": text}
    schema = {"properties": {"spec": {"properties": properties}}}
    definition = {"spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}}
    assert suggesting(definition) == ["spec.region", "spec.rows[].url", "spec.sets{}[].url"]


LEADS_NOWHERE = {
    "mage": "an image is fetched, and nothing is sent for it",
    "ecretName": "a Secret of the own namespace",
    "torageClassName": "the class is judged itself",
    "storageClass": "the class is judged itself",
    ".secretName": "a Secret of the own namespace",
    "hostAliases[].ip": "names for one pod of somebody else",
    "artifacts[].url": "what is built in, and nothing is sent for it",
    "acls[].host": "from where a client may come",
    "ssueURL": "a link in a message",
    "addressRanges.cluster[]": "a network of the cluster's own machines",
    "capabilities.bucket": "a right",
    "clusterIP": "an address of the cluster",
    "clusterIPs[]": "an address of the cluster",
    "externalIPs[]": "judged in the Service that is made from it",
    "loadBalancerIP": "judged in the Service that is made from it",
    "externalName": "judged in the Service that is made from it",
    "advertisedHost": "where the cluster itself is reached",
    "listeners[].configuration.bootstrap.host": "where the cluster itself is reached",
    "listeners[].configuration.brokers[].host": "where the cluster itself is reached",
    "egion": "a name: `endpoint` or the class says where it is",
    "xternalCluster": "the name of an entry: its `host` says where it is",
    "xternalClusterName": "the name of an entry: its `host` says where it is",
    ".httpGet.host": "a probe of somebody else's pod",
    ".tcpSocket.host": "a probe of somebody else's pod",
}
"""Ends of paths in kinds without a table that are refused in zones alone, with the reason."""


def holding(path: str, value: str) -> Any:
    """Return an object's content with a value at a path."""
    content: Any = value
    for step in reversed(re.findall(r"\[\]|\{\}|[^.\[{]+", path)):
        content = [content] if step == "[]" else {"case" if step == "{}" else step: content}
    return content


def test_a_published_field_of_any_kind_leads_nowhere_outside_the_zones_or_has_a_reason() -> None:
    known = {
        "apiVersion": "example.net/v1",
        "kind": "Thing",
        "metadata": {"name": "x", "namespace": "databases"},
    }
    left = []
    walked = 0
    for key, row in WITHOUT_TABLE.items():
        for path in row["fields"]:
            walked += 1
            findings = evaluate([{**known, **holding(path, "tls://h.example.org:4317/x")}], described()[2])
            if {one.rule for one in findings} != {"RES-011"} and not path.endswith(tuple(LEADS_NOWHERE)):
                left.append(f"{key} {path}")
    assert left == []
    assert walked >= 150


def test_no_published_field_of_a_kind_that_is_listed_for_a_zone_holds_a_url_outside() -> None:
    kinds = (("restricted", "example.net/Thing"),)
    context = replace(described()[2], allowed_kinds=kinds)
    listed = {
        "apiVersion": "example.net/v1",
        "kind": "Thing",
        "metadata": {"name": "x", "namespace": "research"},
    }
    left = []
    for key, row in WITHOUT_TABLE.items():
        for path in row["fields"]:
            findings = evaluate([{**listed, **holding(path, "https://h.example.org/x")}], context)
            if {one.rule for one in findings} != {"RES-011"} and not path.endswith("issueURL"):
                left.append(f"{key} {path}")
    assert left == []


def test_a_field_that_names_something_inside_the_cluster_leads_nowhere_either() -> None:
    known = {
        "apiVersion": "example.net/v1",
        "kind": "Thing",
        "metadata": {"name": "x", "namespace": "databases"},
    }
    inside = (
        "minio.storage.svc:9000",
        "http://vault.vault.svc:8200",
        "10.0.0.1",
        "broker:9092",
        "api.exchange.example.net",
    )
    for value in inside:
        assert evaluate([{**known, "spec": {"endpoint": value, "servers": [value]}}], described()[2]) == []

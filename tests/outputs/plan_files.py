"""Files of hosts and of the whole plan by the rules of their readers: Slurm, Kea, Kubernetes, others."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import yaml
from jsonschema import Draft202012Validator

from tests.render.interop.slurm_text import expand, fields
from tests.render.interop.test_aicr import VALUES

DATA = Path(__file__).parents[1] / "render" / "interop"
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SLURM_NAME_CHARACTERS = 64
"""MAXHOSTNAMELEN of Linux; Slurm keeps a node's name in it."""


def documents(text: str) -> list[dict[str, Any]]:
    """Return the documents of a YAML file."""
    return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]


def csv_rows(text: str) -> Iterator[str]:
    """Yield rows that are not as wide as the head, and columns of one name."""
    head, *rows = csv.reader(io.StringIO(text))
    if len(set(head)) != len(head) or not all(head):
        yield f"columns {head}"
    yield from (
        f"line {number} has {len(row)} cells" for number, row in enumerate(rows, 2) if len(row) != len(head)
    )


def svg(text: str) -> Iterator[str]:
    """Yield a picture that is no SVG, and shapes of negative size."""
    root = ET.fromstring(text)  # noqa: S314 - our own file
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        yield root.tag
    for shape in root.iter("{http://www.w3.org/2000/svg}rect"):
        if float(shape.get("y", "0")) < 0 or float(shape.get("height", "0")) <= 0:
            yield f"a shape at {shape.get('y')}, {shape.get('height')} high"


def slurm(files: Mapping[str, str]) -> Iterator[str]:
    """Yield what slurmctld refuses of a cluster's files, or does not take as it is meant."""
    nodes: Counter[str] = Counter()
    gpus: dict[str, int] = {}
    for line in map(fields, files["nodes.conf"].splitlines()):
        if "NodeName" in line:
            names, addresses = expand(line["NodeName"]), expand(line.get("NodeAddr", ""))
            nodes.update(names)
            if addresses and len(addresses) != len(names):
                yield f"{line['NodeName']}: {len(addresses)} addresses for {len(names)} nodes"
            # A line without Gres is of servers without GPUs.
            for name in names if "Gres" in line else ():
                gpus[name] = int(line["Gres"].rpartition(":")[2])
        elif "PartitionName" in line:
            yield from _unknown("partition", expand(line["Nodes"]), nodes)
    yield from (f"node {name} is stated {count} times" for name, count in nodes.items() if count > 1)
    yield from (f"node {name} is too long" for name in nodes if len(name) >= _SLURM_NAME_CHARACTERS)
    yield from _gres(files["gres.conf"], gpus)
    if "topology.conf" in files:
        yield from _slurm_tree(_conf_tree(files["topology.conf"]), nodes)
        yield from _slurm_yaml(files["topology.yaml"], nodes)


def _gres(text: str, gpus: Mapping[str, int]) -> Iterator[str]:
    """Yield nodes with other GPUs than their line has, and device files for another number of them."""
    counted: Counter[str] = Counter()
    for line in map(fields, text.splitlines()):
        for name in expand(line.get("NodeName", "")):
            counted[name] += int(line["Count"])
            if "File" in line and len(expand(line["File"])) != int(line["Count"]):
                yield f"gres of {name}: files for another number of GPUs"
    if counted != Counter(gpus):
        yield "gres.conf counts other GPUs than nodes.conf"


def _unknown(noun: str, names: Sequence[str], known: Mapping[str, int]) -> Iterator[str]:
    """Yield names that are not known."""
    yield from (f"{noun}: no node {name}" for name in names if name not in known)


def _conf_tree(text: str) -> list[tuple[str, list[str], list[str]]]:
    """Return the switches of `topology.conf`: name, nodes, switches below."""
    tree = []
    for line in map(fields, text.splitlines()):
        if "SwitchName" in line:
            tree.append((line["SwitchName"], expand(line.get("Nodes", "")), expand(line.get("Switches", ""))))
    return tree


def _slurm_tree(tree: list[tuple[str, list[str], list[str]]], nodes: Mapping[str, int]) -> Iterator[str]:
    """Yield nodes that are in no leaf or in two, and switches that are below two, or are none."""
    placed: Counter[str] = Counter()
    below: Counter[str] = Counter()
    names = Counter(name for name, _, _ in tree)
    for name, members, children in tree:
        placed.update(members)
        below.update(children)
        if bool(members) == bool(children):
            yield f"switch {name} has nodes and switches, or neither"
    yield from (f"switch {name} is stated {count} times" for name, count in names.items() if count > 1)
    yield from (
        f"switch {name} is below {count}, or is none"
        for name, count in below.items()
        if count > 1 or name not in names
    )
    if placed != Counter(dict.fromkeys(nodes, 1)):
        yield f"nodes not placed once: {sorted(set(nodes) ^ set(placed))[:3]}"


def _slurm_yaml(text: str, nodes: Mapping[str, int]) -> Iterator[str]:
    """Yield what is wrong in `topology.yaml`."""
    (listing,) = yaml.load_all(text, yaml.CSafeLoader)
    for topology in listing:
        if topology.keys() - {"topology", "cluster_default", "tree", "block"}:
            yield f"unknown fields of {topology['topology']}"
        tree = []
        for row in topology.get("tree", {}).get("switches", ()):
            tree.append((row["switch"], expand(row.get("nodes", "")), expand(row.get("children", ""))))
        if tree:
            yield from _slurm_tree(tree, nodes)
        if "block" not in topology:
            continue
        sizes, blocks = topology["block"]["block_sizes"], topology["block"]["blocks"]
        for block in blocks:
            members = expand(block["nodes"])
            yield from _unknown(block["block"], members, nodes)
            if len(members) > sizes[0]:
                yield f"block {block['block']} has {len(members)} nodes, more than {sizes[0]}"
    if [topology["cluster_default"] for topology in listing].count(True) != 1:
        yield "not one default topology"


def kea(text: str) -> Iterator[str]:
    """Yield what Kea 2.2 refuses: identifiers twice, addresses outside their subnet, overlapping subnets."""
    top = orjson.loads(text)["Dhcp4"]
    subnets = list(top["subnet4"])
    names = Counter(network["name"] for network in top["shared-networks"])
    yield from (
        f"shared network {name} is stated {count} times" for name, count in names.items() if count > 1
    )
    for network in top["shared-networks"]:
        subnets += network["subnet4"]
        if not network["subnet4"]:
            yield f"shared network {network['name']} has no subnet"
    identifiers = Counter(subnet["id"] for subnet in subnets)
    yield from (
        f"subnet id {number} is stated {count} times" for number, count in identifiers.items() if count > 1
    )
    networks: list[IPv4Network] = []
    for subnet in subnets:
        network = IPv4Network(subnet["subnet"])
        yield from (f"{network} overlaps {other}" for other in networks if network.overlaps(other))
        networks.append(network)
        seen: Counter[tuple[str, str]] = Counter()
        for row in subnet["reservations"]:
            if IPv4Address(row["ip-address"]) not in network:
                yield f"{row['ip-address']} is not in {network}"
            if not _DNS_NAME.fullmatch(row["hostname"]):
                yield f"{row['hostname']} is no host name"
            # RFC 3046: an option has at most 255 bytes, with two of the suboption's head.
            if len(row.get("circuit-id", "")) > 255:
                yield f"{row['circuit-id']} is too long"
            for key in ("ip-address", "hw-address", "circuit-id"):
                if key in row:
                    seen[key, row[key]] += 1
        yield from (f"{' '.join(key)} is reserved {count} times" for key, count in seen.items() if count > 1)


def kubernetes(objects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield names, labels and references that an API server refuses, and objects that are there twice."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for obj in objects:
        metadata = obj["metadata"]
        where = f"{obj['kind']} {metadata['name']}"
        seen[obj["apiVersion"] + obj["kind"], metadata.get("namespace", ""), metadata["name"]] += 1
        label = obj["kind"] in ("Namespace", "Service")
        is_role = obj["kind"].startswith(("Role", "ClusterRole"))
        if not is_role and not (_DNS_LABEL if label else _DNS_NAME).fullmatch(metadata["name"]):
            yield f"{where}: its name"
        for key, value in metadata.get("labels", {}).items():
            if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
                yield f"{where}: label {key}={value!r}"
            if len(key.rpartition("/")[2]) > 63 or len(key.rpartition("/")[0]) > 253:
                yield f"{where}: label {key}"
        for key, value in metadata.get("annotations", {}).items():
            if not isinstance(value, str):
                yield f"{where}: annotation {key}"
    yield from (f"{' '.join(key)} is there {count} times" for key, count in seen.items() if count > 1)


def definitions(objects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield fields that Cluster API's, Metal3's and bare metal's definitions do not have."""
    for obj in objects:
        kind = f"{obj['apiVersion']}/{obj['kind']}"
        if kind not in _schemas():
            yield f"no definition of {kind}"
            continue
        for error in Draft202012Validator(_schemas()[kind]).iter_errors(obj["spec"]):
            yield f"{kind} {obj['metadata']['name']}: {error.message[:120]}"


@cache
def _schemas() -> dict[str, Any]:
    """Return the definitions' fields."""
    data: dict[str, Any] = yaml.safe_load((DATA / "cluster-api-1.14.yaml").read_text())
    return data


def slinky(text: str) -> Iterator[str]:
    """Yield fields that Slinky's chart does not have."""
    chart = json.loads((DATA / "slinky-1.2.1.json").read_text())

    def walk(value: object, above: str) -> Iterator[str]:
        if not isinstance(value, dict) or above in chart["open"]:
            return
        for key, below in value.items():
            path = f"{above}.{'*' if above in chart['named'] else key}".lstrip(".")
            if path not in chart["fields"]:
                yield f"no field {path}"
            yield from walk(below, path)

    (values,) = yaml.load_all(text, yaml.CSafeLoader)
    yield from walk(values, "")


def aicr(text: str) -> Iterator[str]:
    """Yield values of criteria that AICR refuses."""
    (document,) = documents(text)
    spec = document["spec"]
    if spec["nodes"] < 1:
        yield "no nodes"
    for field, value in spec.items():
        if field != "nodes" and value not in VALUES.get(field, ()):
            yield f"{field}: {value}"


def rules(text: str) -> Iterator[str]:
    """Yield records and alerts that Prometheus refuses: names, empty expressions, series twice."""
    (document,) = documents(text)
    names = Counter(group["name"] for group in document["groups"])
    yield from (f"group {name} is there {count} times" for name, count in names.items() if count > 1)
    series: Counter[tuple[object, ...]] = Counter()
    for group in document["groups"]:
        for rule in group["rules"]:
            name = rule.get("record") or rule.get("alert")
            series[name, *sorted(rule.get("labels", {}).items()), rule["expr"]] += 1
            if not name or not _METRIC.fullmatch(name) or not str(rule["expr"]).strip():
                yield f"{name}: its name or expression"
            for label in rule.get("labels", {}):
                if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", label):
                    yield f"{name}: label {label}"
            if str(rule["expr"]).count("(") != str(rule["expr"]).count(")"):
                yield f"{name}: its parentheses"
    yield from (f"{key} is there {count} times" for key, count in series.items() if count > 1)


def targets(text: str) -> Iterator[str]:
    """Yield targets that Prometheus refuses or scrapes twice."""
    seen: Counter[str] = Counter()
    for group in orjson.loads(text):
        seen.update(group["targets"])
        for key, value in group["labels"].items():
            if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", key) or not isinstance(value, str):
                yield f"label {key}={value!r}"
    for target, count in seen.items():
        if count > 1 or not re.fullmatch(r"[^\s/]+", target):
            yield f"target {target!r} is there {count} times"


def dashboard(text: str) -> Iterator[str]:
    """Yield panels outside Grafana's 24 columns or on another, and identifiers of more than 40 letters."""
    document = orjson.loads(text)
    if not 1 <= len(document["uid"]) <= 40:
        yield f"uid {document['uid']}"
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        grid = panel["gridPos"]
        if grid["x"] < 0 or grid["x"] + grid["w"] > 24:
            yield f"{panel['title']} leaves the grid"
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                if (x, y) in taken:
                    yield f"{panel['title']} covers another"
                taken.add((x, y))


def infragraph(text: str, cables: int) -> Iterator[str]:
    """Yield slices beyond their instance or device, and a number of edges other than that of cables."""
    document = orjson.loads(text)
    counts = {row["name"]: row["count"] for row in document["instances"]}
    components: dict[str, dict[str, int]] = {}
    for device in document["devices"]:
        components[device["name"]] = {part["name"]: part["count"] for part in device["components"]}
    kinds = {row["name"]: row["device"] for row in document["instances"]}
    ends: Counter[tuple[object, ...]] = Counter()
    edges = 0
    for edge in document["edges"]:
        sizes = []
        for end in (edge["ep1"], edge["ep2"]):
            instance, first, last = _slice(end["instance"])
            component, first_port, last_port = _slice(end["component"])
            sizes.append((last - first) * (last_port - first_port))
            known = components.get(kinds.get(instance, ""), {})
            if last > counts.get(instance, 0) or last_port > known.get(component, 0):
                yield f"{end} is beyond its device"
            if edge["scheme"] == "one2one":
                for number in range(first, last):
                    ends.update((instance, number, component, port) for port in range(first_port, last_port))
        if edge["scheme"] == "one2one":
            edges += sizes[0]
            if sizes[0] != sizes[1]:
                yield f"{edge['link']}: {sizes[0]} ends and {sizes[1]}"
    yield from (f"{end} has {count} cables" for end, count in ends.items() if count > 1)
    if edges != cables:
        yield f"{edges} edges, {cables} cables"


def _slice(text: str) -> tuple[str, int, int]:
    """Return the name, the first number and the one after the last of a slice."""
    match = re.fullmatch(r"([a-z0-9-]+)\[(\d+)(?::(\d+))?\]", text)
    if match is None:
        return text, 0, 1 << 62
    return match[1], int(match[2]), int(match[3]) if match[3] else int(match[2]) + 1


def loadable_json(text: str) -> Iterator[str]:
    """Yield nothing for JSON that is an object or a list."""
    if not isinstance(orjson.loads(text), dict | list):
        yield "no object"


def rule_tests(text: str) -> Iterator[str]:
    """Yield what promtool refuses of tests: no rule file, a test without an input."""
    document = orjson.loads(text)
    if document["rule_files"] != ["rules.yaml"] or not document["tests"]:
        yield "no rule file or no test"
    yield from (f"{test.get('name')}: no input" for test in document["tests"] if "input_series" not in test)


def prometheus(text: str) -> Iterator[str]:
    """Yield jobs of one name, and jobs whose targets are in no file."""
    (document,) = documents(text)
    jobs = Counter(job["job_name"] for job in document["scrape_configs"])
    yield from (f"job {name} is there {count} times" for name, count in jobs.items() if count > 1)
    for job in document["scrape_configs"]:
        if not job["file_sd_configs"]:
            yield f"{job['job_name']}: no targets"

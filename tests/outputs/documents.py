"""What is written beside the files of fabrics and hosts: verdicts, costs, and what delivers objects.

`DOCUMENT_JUDGES` has the rules of each reader by the path of the file, as `judging.JUDGES` for fabrics.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from sovereign_ai.assess.cost.focus import COLUMNS
from sovereign_ai.assess.cost.report import assess_cost
from sovereign_ai.attest import documents, junit, sarif
from sovereign_ai.plan import Plan
from sovereign_ai.render.delivery import GITOPS_TOOLS, chart_files, gitops_files
from sovereign_ai.render.kubernetes import render
from sovereign_ai.rules import check, merge_verdicts
from sovereign_ai.spec import AIFactory
from tests.attest.test_sarif_log import SCHEMA as SARIF_SCHEMA
from tests.outputs.judging import judged
from tests.outputs.plan_files import kubernetes
from tests.render.delivery.test_gitops import FIELDS, PLACE, misfits
from tests.render.delivery.test_helm import CHART_NAME, SEMVER, objects_of

DAY = datetime(2026, 12, 15, tzinfo=UTC)
Files = Mapping[str, str]
_RELEASE_BYTES = 1_048_576
"""Helm keeps a release in a Secret, which etcd limits to 1 MiB, compressed and then in Base64."""
_OPTIONAL = ("ChargeClass",)
"""Columns of FOCUS 1.2 that must be there and may be empty."""
_TOKEN = re.compile(r"[_A-Za-z][-._0-9A-Za-z]*")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
"""OSCAL's pattern: versions 4 and 5 alone."""
_FORMULA = re.compile(r"[=+@\t\r]|-(?![0-9.]+$)")
"""The start of a cell that a spreadsheet runs."""


def written_documents(factory: AIFactory, plan: Plan) -> dict[str, str]:
    """Return every document of a design, by the path that is judged."""
    bundles = [render(factory, plan, cluster.name) for cluster in plan.clusters]
    verdicts = []
    for bundle in bundles:
        verdicts.append(check(factory, plan, bundle.objects, now=DAY.date(), cluster=bundle.cluster))
    verdict = merge_verdicts(verdicts)
    files = {"check.sarif": json.dumps(sarif(verdict)), "check.xml": junit(verdict, name=factory.name)}
    for name, document in documents(verdict, factory, DAY).items():
        files[f"oscal/{name}"] = json.dumps(document)
    files["focus.csv"], _ = assess_cost(factory, plan).focus(date(2026, 12, 1))
    for tool in GITOPS_TOOLS:
        for path, text in gitops_files(factory, bundles, tool, PLACE).items():
            files[f"{tool}/{path}"] = text
    for bundle in bundles:
        for path, text in chart_files(bundle, plan).items():
            files[f"helm/{bundle.cluster}/{path}"] = text
    return files


def _sarif(files: Files, path: str) -> Iterator[str]:
    """Yield what the standard's schema refuses."""
    for error in Draft202012Validator(SARIF_SCHEMA).iter_errors(orjson.loads(files[path])):
        yield error.message[:120]


def _junit(files: Files, path: str) -> Iterator[str]:
    """Yield counts that are not those of the cases."""
    root = ET.fromstring(files[path])  # noqa: S314 - our own file
    for suite in (root, *root.iter("testsuite")):
        cases = list(suite.iter("testcase"))
        for field, found in (("tests", len(cases)), ("failures", len(list(suite.iter("failure"))))):
            if suite.get(field) != str(found):
                yield f"{field} is {suite.get(field)}, and there are {found}"
        names = Counter((case.get("classname"), case.get("name")) for case in cases)
        yield from (f"case {name} is there {count} times" for name, count in names.items() if count > 1)


def _oscal(files: Files, path: str) -> Iterator[str]:
    """Yield identifiers of a form that OSCAL does not have, and those that two things have."""
    seen: Counter[str] = Counter()
    for key, value in _members(orjson.loads(files[path])):
        if key.endswith("uuid") and not _UUID.fullmatch(value):
            yield f"{key} {value}"
        if key == "uuid":
            seen[value] += 1
        if key in ("id", "control-id") and not _TOKEN.fullmatch(value):
            yield f"{key} {value!r} is no token"
        if isinstance(value, str) and (not value or value != value.strip()):
            yield f"{key} is empty or begins with a space"
    yield from (f"uuid {value} is of {count}" for value, count in seen.items() if count > 1)


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every member that is a text or a number, by its key."""
    if isinstance(value, dict):
        for key, below in value.items():
            if isinstance(below, dict | list):
                yield from _members(below)
            else:
                yield key, below
    elif isinstance(value, list):
        for below in value:
            yield from _members(below)


def _focus(files: Files, path: str) -> Iterator[str]:
    """Yield empty mandatory cells, costs that are no decimals, and cells that a spreadsheet runs."""
    for number, row in enumerate(csv.DictReader(io.StringIO(files[path])), 2):
        for column in COLUMNS:
            if not row[column] and column not in _OPTIONAL:
                yield f"line {number}: {column} is empty"
            if column.endswith(("Cost", "Quantity")):
                try:
                    finite = Decimal(row[column]).is_finite()
                except InvalidOperation:
                    finite = False
                if not finite or "." not in row[column]:
                    yield f"line {number}: {column} {row[column]!r} is no decimal"
        yield from (f"line {number}: {cell!r}" for cell in row.values() if _FORMULA.match(cell))
        yield from (f"line {number}: {cell!r} is not ASCII" for cell in row.values() if not cell.isascii())


def _objects(files: Files, path: str) -> Iterator[str]:
    """Yield what an API server refuses of delivered objects, and of Argo CD's and Flux' own fields."""
    objects = [entry for entry in yaml.load_all(files[path], yaml.CSafeLoader) if entry]
    yield from kubernetes(objects)
    for obj in objects:
        if f"{obj['apiVersion']}/{obj['kind']}" in FIELDS:
            yield from (f"{obj['metadata']['name']}: {field}" for field in misfits(obj))
        # Flux writes the name into a label, Argo CD into a label of its resources.
        if "/" not in path.partition("/")[2] and len(obj["metadata"]["name"]) > 63:
            yield f"{obj['metadata']['name']}: longer than a label"


def _kustomization(files: Files, path: str) -> Iterator[str]:
    """Yield resources that are not beside it, and files beside it that it does not name."""
    folder = path.rpartition("/")[0]
    (document,) = yaml.load_all(files[path], yaml.CSafeLoader)
    beside = {name.rpartition("/")[2] for name in files if name.rpartition("/")[0] == folder}
    if set(document["resources"]) != beside - {"kustomization.yaml"}:
        yield f"resources are not those of the folder: {sorted(set(document['resources']) ^ beside)}"


def _chart(files: Files, path: str) -> Iterator[str]:
    """Yield what Helm refuses of a chart: its name and version, its size, and what its templates yield."""
    folder = path.removesuffix("Chart.yaml")
    (head,) = yaml.load_all(files[path], yaml.CSafeLoader)
    if not CHART_NAME.fullmatch(head["name"]) or not SEMVER.fullmatch(head["version"]):
        yield f"name {head['name']} or version {head['version']}"
    own = {name.removeprefix(folder): text for name, text in files.items() if name.startswith(folder)}
    yield from kubernetes(list(objects_of(own)))
    # A release holds the templates and what they yield.
    whole = "".join(text for name, text in own.items() if name.startswith("templates/"))
    if len(gzip.compress(whole.encode() * 2)) * 4 / 3 > _RELEASE_BYTES:
        yield "a release is larger than a Secret"


def _values_schema(files: Files, path: str) -> Iterator[str]:
    """Yield what the schema's own schema refuses."""
    for error in Draft7Validator(Draft7Validator.META_SCHEMA).iter_errors(orjson.loads(files[path])):
        yield error.message


def _nothing(files: Files, path: str) -> Iterator[str]:
    """Yield nothing: the chart's own judge has read it."""
    del files, path
    return iter(())


DocumentJudge = Callable[[Files, str], Iterator[str]]
_JUDGES: tuple[tuple[str, DocumentJudge], ...] = (
    (r"check\.sarif", _sarif),
    (r"check\.xml", _junit),
    (r"oscal/[^/]+\.json", _oscal),
    (r"focus\.csv", _focus),
    (r"(argocd|flux)/.*kustomization\.yaml", _kustomization),
    (r"(argocd|flux)/(?!.*kustomization).*\.yaml", _objects),
    (r"helm/[^/]+/Chart\.yaml", _chart),
    (r"helm/[^/]+/values\.schema\.json", _values_schema),
    (r"helm/[^/]+/(templates/[^/]+\.yaml|values\.yaml|\.helmignore)", _nothing),
)
DOCUMENT_JUDGES = tuple((re.compile(pattern), judge) for pattern, judge in _JUDGES)
"""The pattern of a path to what judges the document."""


def document_faults(files: Files) -> Iterator[str]:
    """Yield every fault of every document; one that no pattern has, or two have, is one too."""
    yield from judged(files, files, DOCUMENT_JUDGES)

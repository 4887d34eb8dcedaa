"""A chart whose templates yield the rendered objects, whatever braces they hold."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.render.delivery.helm import chart_files, chart_version, escaped
from sovereign_ai.render.delivery.retention import is_kept
from sovereign_ai.render.kubernetes.bundle import Bundle
from tests.render.lab import bundle, stack

HERE = Path(__file__).parent
# https://semver.org/spec/v2.0.0.html, without a pre-release
SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*")
CHART_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
ACTION = re.compile(r'\{\{ "((?:[^"\\]|\\.)*)" \}\}')


@cache
def _chart() -> dict[str, str]:
    return chart_files(bundle(), stack("lab")[1])


def _executed(template: str) -> str:
    """Execute a Go template that holds nothing but text and string constants (text/template, lex.go).

    Text ends at the left delimiter, wherever it stands; the right one has no meaning outside an action.
    """
    result, position = "", 0
    while (start := template.find("{{", position)) >= 0:
        action = ACTION.match(template, start)
        assert action is not None, f"not a string constant: {template[start : start + 40]!r}"
        result += template[position:start] + action[1]
        position = action.end()
    return result + template[position:]


def objects_of(files: dict[str, str]) -> Iterator[dict[str, Any]]:
    for name, text in files.items():
        if name.startswith("templates/"):
            yield from yaml.load_all(_executed(text), yaml.CSafeLoader)


@given(st.text(st.sampled_from('{}"\\ -a\n`'), max_size=30))
def test_a_template_yields_exactly_the_text_that_was_escaped(text: str):
    assert _executed(escaped(text)) == text


def test_what_go_would_interpret_is_noticed_by_the_check_itself():
    with pytest.raises(AssertionError, match="not a string constant"):
        _executed("a: {{ .Values.x }}")


def test_braces_in_an_object_reach_the_cluster_as_they_were_rendered():
    [first, *others] = bundle().objects
    labels = first["metadata"]["labels"]
    texts = {"a": "{{ .Values.secret }}", "b": "}}{{{{-", "c": '{{ "{{" }}', "d": "{{/* x */}}\n{{"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "braces", "labels": labels}}
    files = chart_files(Bundle("lab", (first, {**config, "data": texts}, *others)), stack("lab")[1])
    [back] = [obj for obj in objects_of(files) if obj["metadata"]["name"] == "braces"]
    assert back["data"] == texts


def test_the_templates_yield_every_object_and_keep_what_holds_data():
    objects = list(objects_of(_chart()))
    assert len(objects) == len(bundle().objects)
    for obj in objects:
        annotations = obj["metadata"].pop("annotations", None)
        assert annotations == ({"helm.sh/resource-policy": "keep"} if is_kept(obj) else None)
        assert obj in bundle().objects


def test_the_chart_names_its_cluster_and_a_version_that_follows_from_the_objects():
    chart = yaml.safe_load(_chart()["Chart.yaml"])
    assert (chart["apiVersion"], chart["type"]) == ("v2", "application")
    assert CHART_NAME.fullmatch(chart["name"])
    assert SEMVER.fullmatch(chart["version"])
    assert chart["version"] == chart_version(bundle())
    assert chart["appVersion"] == f"plan-{stack('lab')[1].digest[:12]}"
    assert isinstance(chart["appVersion"], str)
    assert chart_version(Bundle("lab", bundle().objects[1:])) != chart["version"]


def test_there_is_no_value_and_whoever_sets_one_is_refused():
    assert yaml.safe_load(_chart()["values.yaml"]) == {}
    schema = orjson.loads(_chart()["values.schema.json"])
    jsonschema.Draft7Validator.check_schema(schema)
    check = jsonschema.Draft7Validator(schema).is_valid
    assert check({})
    assert check({"global": {"a": 1}})
    assert not check({"replicas": 2})


def test_a_file_stays_below_what_helm_loads_and_a_release_below_what_a_secret_holds():
    texts = [text.encode() for text in _chart().values()]
    assert max(map(len, texts)) < 5 * 1024 * 1024
    # A release holds templates and what they yield, compressed, in base64 (pkg/storage/driver, Helm 4).
    release = base64.b64encode(gzip.compress(b"".join(texts) * 2))
    assert len(base64.b64encode(release)) < 1024 * 1024


def test_the_charts_own_files_are_as_their_golden_files_say(golden: Callable[[Path, str], None]):
    for name in (".helmignore", "values.yaml", "values.schema.json"):
        golden(HERE / "golden" / "chart" / name, _chart()[name])

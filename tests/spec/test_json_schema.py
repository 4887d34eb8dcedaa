from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pydantic
import pytest
import yaml

from sovereign_ai.catalog.figures import rows_of_descriptions
from sovereign_ai.catalog.published_fabric import designs
from sovereign_ai.catalog.switch import switches
from sovereign_ai.catalog.system import systems
from sovereign_ai.spec.checks.names import _USED
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.json_schema import _convert, schema, schema_text

HERE = Path(__file__).parent
STACKS = HERE.parents[1] / "stacks"


def nodes(value: Any) -> Any:
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from nodes(item)
    elif isinstance(value, list):
        for item in value:
            yield from nodes(item)


def validator() -> jsonschema.Draft7Validator:
    jsonschema.Draft7Validator.check_schema(schema())
    return jsonschema.Draft7Validator(schema())


def test_every_default_is_one_that_a_user_could_write() -> None:
    found = [(node, node["default"]) for node in nodes(schema()) if "default" in node and "type" in node]
    assert len(found) > 50
    for node, default in found:
        jsonschema.Draft7Validator({**node, "definitions": schema()["definitions"]}).validate(default)


def test_the_schema_is_draft_07_and_refers_to_nothing_outside():
    assert schema()["$schema"].startswith("http://json-schema.org/draft-07/")
    for node in nodes({key: value for key, value in schema().items() if key != "examples"}):
        assert "$defs" not in node
        assert "$id" not in node
        assert "$ref" not in node or (node["$ref"].startswith("#/definitions/") and len(node) == 1)


def test_the_schema_is_the_same_text_each_time():
    assert schema_text() == schema_text()
    assert json.loads(schema_text()) == schema()
    schema()["title"] = "changed"
    assert schema()["title"] == "AI factory"


@pytest.mark.parametrize("file", [HERE / "small.yaml", STACKS / "lab" / "factory.yaml"], ids=["small", "lab"])
def test_a_good_description_satisfies_the_schema(file: Path):
    validator().validate(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize(
    "name",
    [
        "unknown-field",
        "missing-field",
        "bytes-for-bits",
        "no-unit",
        "not-allowed",
        "bad-name",
        "wrong-type-list",
        "zero-nodes",
    ],
)
def test_an_editor_sees_what_we_refuse(name: str):
    assert not validator().is_valid(yaml.safe_load((HERE / "bad" / f"{name}.yaml").read_text()))


def test_the_example_is_a_description_that_holds():
    (example,) = schema()["examples"]
    validator().validate(example)
    assert AIFactory(**example).name == "small"


def test_every_field_has_a_description():
    for name, part in schema()["definitions"].items():
        for field, node in part.get("properties", {}).items():
            assert node.get("description"), f"{name}.{field}"


def fields_of_the_catalogue() -> list[tuple[str, str]]:
    """Every field that names a row of the catalogue, as the checks know them, with the kind of row."""
    return [(field, kind) for field, kind in _USED.items() if kind in {"system", "switch", "design"}]


def field_node(pattern: str) -> dict[str, Any]:
    node: dict[str, Any] = schema()
    for step in pattern.split("."):
        if "properties" not in node:
            (name,) = re.findall(r"#/definitions/(\w+)", json.dumps(node))
            node = schema()["definitions"][name]
        node = node["properties"][step.removesuffix("[]")]
    return node


@pytest.mark.parametrize(("field", "kind"), fields_of_the_catalogue())
def test_an_editor_completes_the_names_of_the_catalogue(field: str, kind: str):
    named: dict[str, Any] = {"system": systems, "switch": switches, "design": designs}
    offered = field_node(field)["anyOf"][0]["enum"]
    own = rows_of_descriptions(kind)
    assert offered == [row.name for row in named[kind]() if row.name not in own]
    for name in offered:
        jsonschema.Draft7Validator({"anyOf": field_node(field)["anyOf"][1:]}).validate(name)


@pytest.mark.parametrize(("field", "kind"), fields_of_the_catalogue())
def test_a_name_of_a_users_own_row_is_as_valid_as_before(field: str, kind: str):
    assert kind
    node = jsonschema.Draft7Validator(field_node(field))
    assert node.is_valid("my-own-row")
    assert not node.is_valid("No Name")
    assert not node.is_valid("x" * 33)
    assert not node.is_valid(7)
    assert node.is_valid(None) is ("default" in field_node(field))


def test_a_description_with_rows_of_its_own_satisfies_the_schema():
    (example,) = schema()["examples"]
    own = {**example, "catalog": ["hardware.yaml"]}
    own["pools"] = [{**example["pools"][0], "system": "our-own-server"}]
    (fabric,) = example["fabrics"]
    own["fabrics"] = [{**fabric, "switch": "our-switch", "spine_switch": "our-spine"}]
    validator().validate(own)


def test_rows_of_a_description_that_was_read_before_are_not_offered():
    made = subprocess.run([sys.executable, "-c", OWN_ROW_FIRST], capture_output=True, text=True, check=True)
    assert made.stdout == schema_text()


OWN_ROW_FIRST = """
import dataclasses
from sovereign_ai.catalog.figures import add_description_row
from sovereign_ai.catalog.system import systems
from sovereign_ai.spec.json_schema import schema_text
add_description_row("system", dataclasses.replace(systems()[0], name="our-own-server"))
print(schema_text(), end="")
"""


def test_a_word_that_draft_07_does_not_know_is_refused_and_never_left_out():
    with pytest.raises(ValueError, match="draft-07 has no 'unevaluatedItems'"):
        _convert({"type": "array", "unevaluatedItems": False})


def test_a_list_whose_entries_have_places_has_them_as_draft_07_writes_them():
    class Pair(pydantic.BaseModel):
        ends: tuple[int, str]

    converted = _convert(Pair.model_json_schema())
    ends = jsonschema.Draft7Validator(converted)
    assert ends.is_valid({"ends": [1, "a"]})
    for wrong in ([1, 2], [1], [1, "a", "b"]):
        assert not ends.is_valid({"ends": wrong})
    rest = _convert({"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}})
    assert not jsonschema.Draft7Validator(rest).is_valid([1, 2])
    assert jsonschema.Draft7Validator(rest).is_valid([1, "a"])

"""The JSON Schema of `factory.yaml`, in the draft that editors read (draft-07), the same bytes each time.

pydantic writes draft 2020-12; yaml-language-server reads 7 and below. The differences are rewritten: `$defs`
becomes `definitions`, and a `$ref` with neighbours goes into `allOf`, because draft-07 ignores the neighbours
of a `$ref`.

Fields that name hardware list the catalogue's names, which editors complete; any other name is valid as well,
since a description may bring rows of its own.

    >>> schema()["$schema"], sorted(schema()["definitions"])[:2]
    ('http://json-schema.org/draft-07/schema#', ['AllowedKind', 'Approver'])
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import orjson
from pydantic.json_schema import GenerateJsonSchema

from sovereign_ai.catalog import FUNCTIONS, designs, rows
from sovereign_ai.spec.base import Model
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.units import Quantity, Ratio

_DRAFT = "http://json-schema.org/draft-07/schema#"
_OLD, _NEW = "#/$defs/", "#/definitions/"
_PLAIN_DATA = frozenset({"default", "examples", "enum", "const"})
_CATALOG_FIELDS = (
    ("GpuNodePool", "system", "system"),
    ("Fabric", "switch", "switch"),
    ("Fabric", "spine_switch", "switch"),
    ("Border", "switch", "switch"),
    ("Fabric", "design", "design"),
)
"""Part and field that use a name of the catalogue, and the kind of row that they name."""
_STRING_WORDS = ("type", "pattern", "maxLength", "minLength")
# Words of draft 2020-12 that draft-07 does not have. A part that brings one fails the schema's test, not a
# user's editor.
_UNREAD = frozenset(
    {
        "dependentRequired",
        "dependentSchemas",
        "unevaluatedProperties",
        "unevaluatedItems",
        "discriminator",
        "$dynamicRef",
    }
)


class _Titleless(GenerateJsonSchema):
    """pydantic's generator without titles, which only repeat field names, and with defaults as text."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's own signature
        """Leave out a field's title; its name says the same."""
        return False

    def encode_default(self, dft: Any) -> Any:
        """Encode a default as a user would write it: a quantity or a ratio is its text."""
        return str(dft) if isinstance(dft, Quantity | Ratio) else super().encode_default(dft)


@cache
def _text() -> bytes:
    """Return the schema's text, made once."""
    raw = AIFactory.model_json_schema(by_alias=True, mode="validation", schema_generator=_Titleless)
    converted: dict[str, Any] = _convert(raw)
    models: list[type[Model]] = [AIFactory, *_models(Model)]
    for model in models:
        # The factory is the root of the schema; other models are definitions, as far as the factory uses
        # them.
        part = converted if model is AIFactory else converted["definitions"].get(model.__name__)
        if part is not None:
            _describe(model, part)
    names = _packaged_names()
    for model_name, field, kind in _CATALOG_FIELDS:
        _offer(converted["definitions"][model_name]["properties"][field], names[kind])
    for function, listed in _controllers_by_function().items():
        _offer_list(converted["definitions"]["Platform"]["properties"][function], listed)
    converted = {"$schema": _DRAFT, **converted, "title": "AI factory", "examples": [_EXAMPLE]}
    option = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(converted, option=option)


def _packaged_names() -> dict[str, list[str]]:
    """Return the names in the package's catalogue by kind of row, without rows of descriptions."""
    return {
        "system": [row.name() for row in rows("systems.json")],
        "switch": [row.name() for row in rows("switches.json")],
        "design": [design.name for design in designs()],
    }


def _controllers_by_function() -> dict[str, list[str]]:
    """Return the names of the package's controllers by what they are there for, sorted."""
    by_function: dict[str, list[str]] = {function: [] for function in FUNCTIONS}
    for row in rows("controllers.json"):
        by_function[row.needed_text("function")].append(row.name())
    return by_function


def _offer_list(field: dict[str, Any], names: list[str]) -> None:
    """Put names that an editor completes before a field that is one name or a list of names."""
    offered = {"anyOf": [{"type": "string", "enum": names}, {"type": "string"}]}
    field["anyOf"] = [*offered["anyOf"], {"type": "array", "items": offered}]


def _offer(field: dict[str, Any], names: list[str]) -> None:
    """Put names that an editor completes before what a field permits, and permit no less than before."""
    permitted = field.pop("anyOf", None)
    if permitted is None:
        permitted = [{word: field.pop(word) for word in _STRING_WORDS if word in field}]
    field["anyOf"] = [{"type": "string", "enum": names}, *permitted]


def _models(parent: type[Model]) -> Iterator[type[Model]]:
    """Yield every kind of part."""
    for model in parent.__subclasses__():
        yield model
        yield from _models(model)


def _describe(model: type[Model], part: dict[str, Any]) -> None:
    """Put the docstrings of a part's fields into its schema.

    pydantic can do so itself, but then it reads the source of every part whenever one is imported.
    """
    texts: dict[str, str] = {}
    # A part has the fields of the part that it extends, and may describe one of them anew.
    for ancestor in reversed(model.__mro__):
        if issubclass(ancestor, Model) and ancestor is not Model:
            texts |= _field_texts(ancestor.__module__).get(ancestor.__name__, {})
    for name, text in texts.items():
        field = part["properties"].get(model.model_fields[name].alias or name)
        if field is None:
            continue
        # Draft-07 ignores a description beside a `$ref`.
        if "$ref" in field:
            field["allOf"] = [{"$ref": field.pop("$ref")}]
        field["description"] = text


@cache
def _field_texts(module: str) -> dict[str, dict[str, str]]:
    """Return, for each class of a module, the docstring below each of its fields."""
    texts_of: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(sys.modules[module])).body:
        if isinstance(node, ast.ClassDef):
            texts = texts_of.setdefault(node.name, {})
            for field, below in pairwise(node.body):
                if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
                    continue
                if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                    texts[field.target.id] = inspect.cleandoc(str(below.value.value))
    return texts_of


def schema() -> dict[str, Any]:
    """Return the JSON Schema as plain data, a fresh copy each time."""
    data: dict[str, Any] = orjson.loads(_text())
    return data


def schema_text() -> str:
    """Return the JSON Schema as text: sorted, indented, with a newline at its end."""
    return _text().decode()


def _convert(node: Any) -> Any:
    """Rewrite one node of the schema for draft-07."""
    if isinstance(node, list):
        return [_convert(item) for item in node]
    if not isinstance(node, dict):
        return node
    out: dict[str, Any] = {}
    for key, value in node.items():
        out |= _convert_key(key, value)
    if "prefixItems" in out:
        _number_items(out)
    if "$ref" in out and len(out) > 1:
        out["allOf"] = [{"$ref": out.pop("$ref")}]
    return out


def _number_items(node: dict[str, Any]) -> None:
    """Rewrite a list whose entries have places, such as a pair: draft-07 has a list under `items` for it."""
    if "items" in node:
        node["additionalItems"] = node.pop("items")
    node["items"] = node.pop("prefixItems")


def _convert_key(key: str, value: Any) -> dict[str, Any]:
    """Rewrite one key of a node."""
    if key in ("$defs", "properties"):
        # The names in these mappings are the user's, and no words of the schema.
        parts: dict[str, Any] = {}
        for name, part in value.items():
            parts[name] = _convert(part)
        return {"definitions" if key == "$defs" else key: parts}
    if key == "$ref":
        return {"$ref": value.replace(_OLD, _NEW)}
    if key in _PLAIN_DATA:
        return {key: value}
    if key in _UNREAD:
        message = f"draft-07 has no {key!r}, and no part of a description needs it yet"
        raise ValueError(message)
    return {key: _convert(value)}


# A small description that passes every check; the tests read it.
_EXAMPLE: dict[str, Any] = {
    "name": "small",
    "operator": {
        "name": "Example Compute",
        "seat": "DE",
        "parent": {"seat": "DE"},
        "staff": {"location": ["DE"], "citizenship": ["EU"]},
    },
    "sites": [
        {
            "name": "fra1",
            "country": "DE",
            "power": {"it_budget": "120 kW", "feeds": {"A": "200 kW", "B": "200 kW"}},
            "halls": [{"name": "h1", "cooling": {"kind": "air", "supply": "22 degC"}, "rack_limit": "45 kW"}],
        }
    ],
    "pools": [
        {
            "name": "train",
            "site": "fra1",
            "system": "dgx-h100",
            "nodes": 4,
            "purpose": "training",
            "zone": "main",
        }
    ],
    "fabrics": [{"name": "compute", "kind": "roce", "radix": 32, "link": "400 Gbps"}],
    "keys": [{"name": "hsm", "custodian": "customer", "module": "pkcs11", "jurisdiction": "DE"}],
    "zones": [{"name": "main", "trust": "high", "tenants": ["research"]}],
    "tenants": [{"name": "research", "seat": "DE"}],
    "images": {"registries": ["registry.example.com"]},
}

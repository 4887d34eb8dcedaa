"""What a program in another language may hand over, and what it is told otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.output import Unknown
from pulumi.runtime import rpc

from sovereign_ai.deploy.package.inputs import judged, unknown_places
from sovereign_ai.deploy.package.schema import INPUTS
from sovereign_ai.errors import SpecError, UsageError
from sovereign_ai.spec.reader import load
from tests.deploy.projects import LAB


def refused(inputs: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(UsageError) as raised:
        judged(inputs)
    return [(problem.code, problem.where.field) for problem in raised.value.problems]


def as_sent(value: Any) -> Any:
    """Return data as the engine's protocol sends it: every number is a float."""
    if isinstance(value, dict):
        return {key: as_sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_sent(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def test_a_file_and_the_same_description_inline_are_the_same_factory() -> None:
    inline = as_sent(yaml.safe_load(LAB.read_text()))
    by_file = judged({"file": str(LAB), "cluster": "lab", "kubeconfig": "k", "context": "c"})
    assert (by_file.cluster, by_file.kubeconfig, by_file.context) == ("lab", "k", "c")
    arguments = judged({"description": inline})
    assert arguments.factory.digest == by_file.factory.digest == load(LAB).digest
    assert (arguments.cluster, arguments.kubeconfig, arguments.context) == (None, None, None)


def test_problems_of_an_inline_description_name_the_field_below_the_input() -> None:
    inline = yaml.safe_load(LAB.read_text())
    inline["pools"][0]["zone"] = "opne"
    with pytest.raises(SpecError) as raised:
        judged({"description": inline})
    assert str(raised.value).startswith("description: pools[0].zone: ")


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_each_input_that_is_unknown_at_preview_is_refused(name: str) -> None:
    given = {"file": str(LAB), name: Unknown()}
    assert refused(given) == [("unknown-input", name)]


def test_an_unknown_anywhere_in_a_description_is_refused_by_its_path() -> None:
    inline = {"name": "a", "residency": [{"data": "internal", "in": [Unknown()]}], "sites": Unknown()}
    assert refused({"description": inline}) == [
        ("unknown-input", "description.residency[0].in[0]"),
        ("unknown-input", "description.sites"),
    ]
    assert list(unknown_places({"a": [1, {"b": "c"}]}, "x")) == []


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_each_secret_input_is_refused(name: str) -> None:
    value: Any = {"name": "a"} if name == "description" else "x"
    given = (
        {name: rpc.wrap_rpc_secret(value)}
        if name in {"file", "description"}
        else {"file": str(LAB), name: rpc.wrap_rpc_secret(value)}
    )
    assert refused(given) == [("secret-input", name)]


@pytest.mark.parametrize("name", sorted(INPUTS))
@pytest.mark.parametrize("value", [3.0, ["x"], True, ""])
def test_each_input_of_another_type_is_refused(name: str, value: object) -> None:
    assert ("wrong-type", name) in refused({name: value})


def test_exactly_one_of_file_and_description_is_given() -> None:
    assert refused({}) == [("no-description", "")]
    assert refused({"file": "x", "description": {}}) == [("no-description", "")]


def test_a_misspelt_input_is_refused_together_with_all_others() -> None:
    assert refused({"fle": "x", "cluster": Unknown(), "kubeconfig": 1.0}) == [
        ("unknown-input-name", ""),
        ("unknown-input", "cluster"),
        ("wrong-type", "kubeconfig"),
    ]


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no such file"):
        judged({"file": str(tmp_path / "none.yaml")})

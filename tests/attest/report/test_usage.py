from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest

from sovereign_ai.attest.report.markup import join
from sovereign_ai.attest.report.usage import read_usage, used
from sovereign_ai.errors import UsageError

WORK = {"tenant": "research", "team": "vision", "namespace": "research", "name": "pretrain"}
DOCUMENT: dict[str, Any] = {
    "ok": True,
    "command": "jobs usage",
    "factory": "lab",
    "cluster": "lab-1",
    "price": {"euro": 2.5, "is_lower_bound": True},
    "tenants": [{"tenant": "research", "works": 2, "gpu_hours": 96.0, "kwh": 122.4}],
    "teams": [
        {"tenant": "research", "team": "", "works": 1, "gpu_hours": 32.0, "kwh": 40.8},
        {"tenant": "research", "team": "vision", "works": 1, "gpu_hours": 64.0, "kwh": 81.6},
    ],
    "works": [WORK | {"gpu_hours": 64.0, "kwh": 81.6, "begin": "2026-11-27T12:00:00+00:00"}],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the document with another value at a place."""
    document = copy.deepcopy(DOCUMENT)
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    part: Any = document
    for step in parents:
        part = part[step]
    part[last] = value
    return document


def shown(document: dict[str, Any]) -> str:
    return str(join(*used(read_usage(orjson.dumps(document), "usage.json", "lab"))))


def test_tenants_teams_and_work_are_shown_with_hours_energy_and_cost() -> None:
    text = shown(DOCUMENT)
    for cells in (
        ("research", "2", "96.00", "122.4", "240.00"),
        ("research/-", "1", "32.00", "40.8", "80.00"),
        ("research/vision", "1", "64.00", "81.6", "160.00"),
        ("research/pretrain", "vision", "64.00", "81.6", "160.00"),
    ):
        position = 0
        for cell in cells:
            position = text.index(f">{cell}<", position)
    assert "2.50 for a GPU-hour, a lower bound" in text
    assert "lab-1" in text


def test_without_teams_there_is_no_table_of_them_and_without_a_price_no_cost() -> None:
    bare = changed("price", None)
    del bare["teams"]
    text = shown(bare)
    assert ">team<" in text  # the column of work
    assert "research/vision" not in text
    assert "240.00" not in text
    assert "for a GPU-hour" not in text


def test_a_text_of_the_document_is_no_markup() -> None:
    text = shown(changed("works.0.name", "<script>alert(1)</script>"))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("factory", 1, "factory"),
        ("price", 1.7, "price"),
        ("price.euro", -1, "price.euro"),
        ("price.euro", "1.7", "price.euro"),
        ("tenants", {}, "tenants"),
        ("tenants.0.gpu_hours", -0.5, "tenants[0].gpu_hours"),
        ("tenants.0.gpu_hours", True, "tenants[0].gpu_hours"),
        ("tenants.0.works", 1.5, "tenants[0].works"),
        ("teams.1.team", None, "teams[1].team"),
        ("works.0.name", "a" * 254, "works[0].name"),
        ("works.0", [], "works[0]"),
    ],
)
def test_a_wrong_field_is_named_with_its_place(path: str, value: Any, field: str) -> None:
    with pytest.raises(UsageError) as error:
        read_usage(orjson.dumps(changed(path, value)), "usage.json", "lab")
    (problem,) = error.value.problems
    assert problem.where is not None
    assert (problem.where.file, problem.where.field) == ("usage.json", field)
    assert problem.hint


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{}", b"{", b'{"factory": "lab"}'])
def test_what_is_no_usage_is_refused(raw: bytes) -> None:
    with pytest.raises(UsageError):
        read_usage(raw, "usage.json", "lab")


def test_the_usage_of_another_factory_is_refused() -> None:
    with pytest.raises(UsageError, match="it is about factory 'lab', not 'other'") as error:
        read_usage(orjson.dumps(DOCUMENT), "usage.json", "other")
    assert error.value.problems[0].code == "other-factory"

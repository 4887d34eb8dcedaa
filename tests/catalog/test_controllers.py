"""Controllers of the catalogue: sourced, under suppliers that exist, and consistent with each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sovereign_ai.catalog.controllers import CONTACTS, FUNCTIONS, controller_row, controller_rows
from sovereign_ai.catalog.figures import UnknownNameError, clear_description_rows
from sovereign_ai.catalog.supplier import suppliers
from sovereign_ai.catalog.user_rows import add_rows
from sovereign_ai.names import DNS_LABEL

OWN = {
    "kind": "controller",
    "name": "our-queues",
    "title": "Our queues",
    "vendor": "cncf",
    "figures": {
        name: {"value": value, "source": "our repository", "read": "2026-11-27", "grade": "official"}
        for name, value in (
            ("function", "queueing"),
            ("repository", "git.example.com/queues"),
            ("licence", "Apache-2.0"),
            ("namespace", "queues"),
        )
    },
}


@pytest.fixture(autouse=True)
def _apart() -> Iterator[None]:
    clear_description_rows()
    yield
    clear_description_rows()


def test_every_function_has_a_controller_and_every_controller_one_function() -> None:
    functions = {row.function for row in controller_rows()}
    assert functions == set(FUNCTIONS)


def test_every_vendor_of_a_controller_is_a_supplier_of_the_catalogue() -> None:
    known = {supplier.name for supplier in suppliers()}
    assert {row.vendor for row in controller_rows()} <= known


def test_what_a_controller_needs_or_contradicts_is_another_row_with_a_reason() -> None:
    names = {row.name for row in controller_rows()}
    for row in controller_rows():
        for field in ("needs", "conflicts"):
            for other in getattr(row, field):
                assert other in names - {row.name}
                assert row.reason(field, other)
        assert row.reason("needs", "nothing-of-the-kind") == ""


def test_every_figure_of_a_controller_has_a_source_and_a_day() -> None:
    for row in controller_rows():
        for figure in row.figures:
            assert figure.source
            assert figure.read


@pytest.mark.parametrize("row", controller_rows(), ids=lambda row: row.name)
def test_a_controller_is_installed_into_a_namespace_that_can_exist(row: object) -> None:
    import re

    assert re.fullmatch(DNS_LABEL, row.namespace)  # type: ignore[attr-defined]


def test_contacts_carry_the_kind_of_the_list_that_they_are_in() -> None:
    grafana = controller_row("grafana")
    kinds = {contact.name: contact.kind for contact in grafana.contacts}
    assert kinds == {"updates": "endpoint", "usage": "telemetry"}
    assert set(kinds.values()) <= set(CONTACTS.values())


def test_a_row_of_a_description_is_a_controller_like_those_of_the_package() -> None:
    assert add_rows([OWN]) == []
    assert controller_row("our-queues").function == "queueing"
    assert controller_row("our-queues").version is None


def test_a_row_with_a_function_that_there_is_not_is_refused() -> None:
    figures = {**OWN["figures"], "function": {**OWN["figures"]["function"], "value": "magic"}}  # type: ignore[dict-item,index]
    (problem,) = add_rows([{**OWN, "figures": figures}])
    assert "'magic' is none of queueing" in problem.message


def test_an_unknown_controller_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'kueue'"):
        controller_row("kueu")

"""Services that a factory uses, and those that it does not."""

from __future__ import annotations

from tests.spec.refusals import refusals


def service(kind: str, **more: object) -> dict[str, object]:
    return {"name": f"s-{kind}", "kind": kind, **more}


def test_a_service_that_every_factory_needs_cannot_be_unused() -> None:
    expected = [("contradiction", "services[0].used")]
    assert refusals(services=[service("dns", used=False)]) == expected


def test_an_unused_licence_is_fine_and_has_no_supplier() -> None:
    assert refusals(services=[service("licence", used=False)]) == []
    expected = [("contradiction", "services[0].supplier")]
    assert refusals(services=[service("licence", used=False, supplier="Vendor")]) == expected


def test_a_kind_is_not_both_used_and_unused() -> None:
    both = [service("licence", used=False), {**service("licence"), "name": "other"}]
    assert refusals(services=both) == [("contradiction", "services[0].used")]

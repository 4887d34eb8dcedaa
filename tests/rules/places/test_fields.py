from __future__ import annotations

import pytest

from sovereign_ai.rules.places.fields import Field
from tests.rules.deciding import is_permitted


@pytest.mark.parametrize(
    ("must", "good", "bad"),
    [
        ("absent", "", "x"),
        ("unset", False, True),
        ("own-namespace", "n", "other"),
        ("place", "https://vault.security.svc:8200/v1", "https://example.com"),
        ("place", "203.0.113.7:443", "198.51.100.7:443"),
        ("text", "see http://localhost/x", "see http://example.com/x"),
        ("range", "203.0.113.0/28", "198.51.100.0/28"),
        ("image", "registry.example.com/ai/x", "registry.example.com/ai/../x"),
        ("runtime", "kata-qemu", "kata-remote"),
    ],
)
def test_a_condition_permits_the_one_value_and_refuses_the_other(
    must: str, good: object, bad: object
) -> None:
    field = Field("a", must)  # type: ignore[arg-type]
    assert is_permitted(field, good)
    assert not is_permitted(field, bad)


def test_a_storage_class_serves_the_zone_of_the_object_alone() -> None:
    assert is_permitted(Field("a", "class"), "scratch", zone="restricted")
    assert not is_permitted(Field("a", "class"), "scratch", zone="open")


def test_a_field_that_is_left_out_or_null_passes() -> None:
    assert is_permitted(Field("b.c", "place"), "anything")
    assert is_permitted(Field("a", "place"), None)


def test_words_of_a_field_are_compared_whole() -> None:
    field = Field("a", "one-of", ("", "Service"))
    assert is_permitted(field, "Service")
    assert not is_permitted(field, "ServiceImport")


def test_fields_in_more_than_two_lists_are_not_gathered() -> None:
    assert Field("a[].b[].c", "place").is_gathered
    assert not Field("a[].b[].c[]", "place").is_gathered
    assert not Field("a", "absent").is_gathered

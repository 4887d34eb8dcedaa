"""Messages declared at run time hold what is declared, and keep the rest as it came."""

from __future__ import annotations

import doctest

import pytest

from sovereign_ai.cluster.api import protobuf
from sovereign_ai.cluster.api.protobuf import declare


def test_the_example_in_the_docstring_holds() -> None:
    assert doctest.testmod(protobuf).failed == 0


def test_repeated_fields_maps_and_messages_within_messages_come_back_as_they_went() -> None:
    made = declare(
        "whole",
        """
        message Inner { int32 n = 1; }
        message Outer { repeated Inner inner = 1; map<string, string> notes = 2; bool ok = 3; }
        """,
    )
    sent = made["Outer"](inner=[{"n": 1}, {"n": 2}], notes={"a": "b"}, ok=True)
    back = made["Outer"].FromString(sent.SerializeToString())
    assert ([one.n for one in back.inner], dict(back.notes), back.ok) == ([1, 2], {"a": "b"}, True)


def test_what_is_not_declared_passes_through() -> None:
    whole = declare("whole", "message Message { string a = 1; string b = 2; }")["Message"]
    part = declare("part", "message Message { string a = 1; }")["Message"]
    sent = whole(a="x", b="y").SerializeToString()
    assert whole.FromString(part.FromString(sent).SerializeToString()).b == "y"


@pytest.mark.parametrize(
    "source",
    [
        "enum Kind { A = 0; }",
        "message Message { float rate = 1 }",
        "message Message { map<int32, string> names = 1; }",
        "message Message { string a = 1; } and more",
        "message Message {",
    ],
)
def test_a_text_that_is_not_understood_is_refused_whole(source: str) -> None:
    with pytest.raises(ValueError, match="cannot read as protobuf"):
        declare("package", source)


def test_comments_are_no_part_of_a_message() -> None:
    made = declare("package", "// message Old {}\nmessage New {\n  // bytes a = 1;\n  bytes b = 2;\n}\n")
    assert list(made) == ["New"]
    assert [field.name for field in made["New"].DESCRIPTOR.fields] == ["b"]

"""Messages declared at run time hold what is declared, and keep the rest as it came."""

from __future__ import annotations

import doctest

from sovereign_ai.cluster.api import protobuf
from sovereign_ai.cluster.api.protobuf import declare


def test_the_example_in_the_docstring_holds() -> None:
    assert doctest.testmod(protobuf).failed == 0


def test_repeated_fields_maps_and_messages_within_messages_come_back_as_they_went() -> None:
    made = declare(
        "whole",
        {
            "Inner": {"n": (1, "int32")},
            "Outer": {"inner": (1, "*Inner"), "notes": (2, "map:string"), "ok": (3, "bool")},
        },
    )
    sent = made["Outer"](inner=[{"n": 1}, {"n": 2}], notes={"a": "b"}, ok=True)
    back = made["Outer"].FromString(sent.SerializeToString())
    assert ([one.n for one in back.inner], dict(back.notes), back.ok) == ([1, 2], {"a": "b"}, True)


def test_what_is_not_declared_passes_through() -> None:
    whole = declare("whole", {"Message": {"a": (1, "string"), "b": (2, "string")}})["Message"]
    part = declare("part", {"Message": {"a": (1, "string")}})["Message"]
    sent = whole(a="x", b="y").SerializeToString()
    assert whole.FromString(part.FromString(sent).SerializeToString()).b == "y"

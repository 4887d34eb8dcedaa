"""Frozen dataclasses of ours behave as those of the standard library."""

from __future__ import annotations

import copy
import pickle
import re
from dataclasses import FrozenInstanceError, asdict, dataclass, field, make_dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sovereign_ai
from sovereign_ai.frozen_dataclass import frozen_dataclass

FLAGS = st.fixed_dictionaries(
    {"repr": st.booleans(), "compare": st.booleans(), "hash": st.sampled_from([None, True, False])}
)
VALUES = st.one_of(st.none(), st.integers(0, 2), st.sampled_from(["a", "it's"]), st.just(float("nan")))


@frozen_dataclass
class Part:
    """Something with a default and a part that is not shown."""

    name: str
    count: int = 1
    secret: str = field(default="hidden", repr=False)


@frozen_dataclass
class LargerPart(Part):
    """A part with one field more."""

    size: int = 0


def _ours_and_theirs(flags: list[dict[str, Any]]) -> tuple[type, type]:
    """Make the same class by our decorator and by the standard one."""
    names = [f"field_{number}" for number in range(len(flags))]
    plain = type("Made", (), {"__annotations__": dict.fromkeys(names, Any), "__module__": __name__})
    for name, entry in zip(names, flags, strict=True):
        setattr(plain, name, field(**entry))
    ours = frozen_dataclass(plain)
    entries = [(name, Any, field(**entry)) for name, entry in zip(names, flags, strict=True)]
    return ours, make_dataclass("Made", entries, frozen=True, slots=True)


@given(data=st.data(), flags=st.lists(FLAGS, max_size=4))
def test_comparison_hash_and_representation_are_those_of_a_standard_dataclass(
    data: st.DataObject, flags: list[dict[str, Any]]
) -> None:
    ours, theirs = _ours_and_theirs(flags)
    rows = [data.draw(st.lists(VALUES, min_size=len(flags), max_size=len(flags))) for _ in range(3)]
    for one, other in product(rows, rows):
        assert (ours(*one) == ours(*other)) == (theirs(*one) == theirs(*other))
        assert (hash(theirs(*one)) == hash(theirs(*other))) == (hash(ours(*one)) == hash(ours(*other)))
    assert [repr(ours(*row)) for row in rows] == [repr(theirs(*row)) for row in rows]


def test_no_field_can_be_changed_or_added() -> None:
    part = Part("bolt")
    with pytest.raises(FrozenInstanceError):
        part.count = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del part.count
    with pytest.raises((FrozenInstanceError, TypeError, AttributeError)):
        part.colour = "red"  # type: ignore[attr-defined]


def test_the_standard_functions_take_it() -> None:
    part = Part("bolt", 3)
    assert replace(part, count=4) == Part("bolt", 4)
    assert asdict(part) == {"name": "bolt", "count": 3, "secret": "hidden"}
    assert pickle.loads(pickle.dumps(part)) == part  # noqa: S301 - made in this line
    assert copy.deepcopy(part) == part
    match part:
        case Part(name, count):
            assert (name, count) == ("bolt", 3)


def test_a_part_that_is_not_shown_stays_out_of_the_representation() -> None:
    assert repr(Part("bolt")) == "Part(name='bolt', count=1)"
    assert repr(LargerPart("bolt", size=2)) == "LargerPart(name='bolt', count=1, size=2)"


def test_objects_of_different_classes_are_different() -> None:
    assert Part("bolt") != LargerPart("bolt")
    assert LargerPart("bolt") != Part("bolt")
    assert Part("bolt") != ("bolt", 1, "hidden")


def test_methods_of_the_class_itself_stay() -> None:
    @frozen_dataclass
    class Name:
        text: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Name) and other.text.lower() == self.text.lower()

        def __hash__(self) -> int:
            return hash(self.text.lower())

        def __repr__(self) -> str:
            return f"<{self.text}>"

    assert Name("A") == Name("a")
    assert len({Name("A"), Name("a")}) == 1
    assert repr(Name("A")) == "<A>"


def test_a_class_with_comparison_of_its_own_has_the_hash_that_a_standard_dataclass_has() -> None:
    def equal(_self: object, other: object) -> bool:
        return other is not None

    body = {"__annotations__": {"text": str}, "__eq__": equal, "__hash__": None, "__module__": __name__}
    ours = frozen_dataclass(type("Made", (), dict(body)))
    theirs = dataclass(frozen=True, slots=True)(type("Made", (), dict(body)))
    assert (hash(ours("a")) == hash(ours("a"))) == (hash(theirs("a")) == hash(theirs("a")))


def test_an_object_that_holds_itself_is_shown_to_its_end() -> None:
    @frozen_dataclass
    class Box:
        content: list[object]

    content: list[object] = []
    content.append(Box(content))
    assert repr(content[0]).endswith("Box(content=[...])")


def test_keywords_alone_are_taken_where_the_class_says_so() -> None:
    @frozen_dataclass(kw_only=True)
    class Size:
        width: int
        height: int = 1

    assert Size(width=2) == Size(width=2, height=1)
    with pytest.raises(TypeError, match="positional"):
        Size(2)  # type: ignore[misc]


def test_no_class_of_the_package_is_made_the_slow_way() -> None:
    slow = re.compile(r"@dataclass\((frozen=True, slots=True|slots=True, frozen=True)(, kw_only=True)?\)")
    files = [
        file for file in Path(sovereign_ai.__file__).parent.rglob("*.py") if file.stem != "frozen_dataclass"
    ]
    assert [file.name for file in files if slow.search(file.read_text())] == []

"""What is kept in the state folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.deploy.state.kept_files import content_if_whole, content_of, record_from
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.files import CHECKPOINT, CLUSTER, INVENTORY, RUN, STATE
from sovereign_ai.files.kinds import FileKind
from sovereign_ai.frozen_dataclass import frozen_dataclass
from tests.hostile.special import SPECIAL


@frozen_dataclass
class Record:
    """A record.

    Attributes:
        name: a text.
        count: a number.
        done: a truth.
    """

    name: str
    count: int
    done: bool


WRONG: tuple[object, ...] = (None, 1.5, [], {})
GOOD: dict[str, object] = {"name": "a", "count": 1, "done": True}


def test_what_is_there_is_returned_and_nothing_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert (content_of(tmp_path / "a"), content_of(tmp_path / "b")) == (b"x", None)
    assert (content_if_whole(tmp_path / "a"), content_if_whole(tmp_path / "b")) == (b"x", None)


@pytest.mark.parametrize("name", sorted(SPECIAL.keys() - {"absent", "unreadable"}))
def test_what_is_no_regular_file_is_never_read_nor_waited_for(tmp_path: Path, name: str) -> None:
    SPECIAL[name](tmp_path / "a")
    assert content_if_whole(tmp_path / "a") is None
    with pytest.raises(EnvironmentLacksError, match="a"):
        content_of(tmp_path / "a")


@pytest.mark.parametrize("kind", [STATE, CHECKPOINT, INVENTORY, CLUSTER, RUN], ids=lambda kind: kind.name)
def test_no_link_is_followed_in_place_of_a_file_that_this_program_alone_writes(
    tmp_path: Path, kind: FileKind
) -> None:
    """What it leads to may be a file that somebody else writes."""
    (tmp_path / "a").write_bytes(b"x")
    assert content_of(tmp_path / "a", kind) == b"x"
    (tmp_path / "b").symlink_to("a")
    assert content_if_whole(tmp_path / "b", kind) is None
    with pytest.raises(EnvironmentLacksError, match="it is a link"):
        content_of(tmp_path / "b", kind)


def test_a_record_is_built_of_its_members_and_others_are_left_out() -> None:
    assert record_from(Record, GOOD | {"more": 1}) == Record("a", 1, done=True)


@pytest.mark.parametrize(
    "data",
    [
        *({name: value for name, value in GOOD.items() if name != left_out} for left_out in GOOD),
        *(GOOD | {name: wrong} for name in GOOD for wrong in WRONG),
        GOOD | {"name": 1},
        GOOD | {"count": True},
        GOOD | {"done": 1},
        [],
        None,
        "x",
    ],
)
def test_a_member_that_is_missing_or_of_another_type_is_refused(data: object) -> None:
    with pytest.raises((KeyError, TypeError)):
        record_from(Record, data)

"""The table of inputs: each kind once, with its limit in words."""

from __future__ import annotations

import pytest

from sovereign_ai.files.kinds import KINDS, FileKind


def test_no_two_kinds_share_their_name() -> None:
    names = [kind.name for kind in KINDS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_a_limit_a_noun_and_a_hint(kind: FileKind) -> None:
    assert kind.most_bytes > 0
    assert kind.noun
    assert kind.hint


@pytest.mark.parametrize(("size", "words"), [(4 << 10, "4 KiB"), (1 << 20, "1 MiB"), (1 << 30, "1024 MiB")])
def test_a_limit_is_written_with_its_unit(size: int, words: str) -> None:
    assert FileKind("x", "an x", size, "").most == words

from __future__ import annotations

import asyncio
from pathlib import Path

from sovereign_ai.cluster.keys.key_client import KeyAnswer, KeyHandle


def noted(*answers: tuple[bool, str]) -> tuple[KeyHandle, list[str]]:
    changes: list[str] = []

    async def run() -> KeyHandle:
        key = KeyHandle("high", Path("/none.sock"), lambda: changes.append(key.key_id))
        for withdrawn, key_id in answers:
            key._note(withdrawn=withdrawn, key_id=key_id)
        await key.close()
        return key

    return asyncio.run(run()), changes


def test_before_the_first_answer_nothing_is_known() -> None:
    key, changes = noted()
    assert (key.last_answer, changes) == (None, [])


def test_withdrawal_and_restoration_are_changes_and_a_rotation_is_none() -> None:
    key, changes = noted((False, "k/1"), (False, "k/2"), (True, "k/2"), (True, "k/2"), (False, "k/3"))
    assert changes == ["k/2", "k/3"]
    assert key.last_answer == KeyAnswer("k/3", withdrawn=False)


def test_a_withdrawn_key_loses_its_seeds_at_once() -> None:
    async def run() -> None:
        key = KeyHandle("high", Path("/none.sock"))
        key._seeds["k/1", b"encrypted"] = b"seed"
        assert await key.seed("k/1", b"encrypted") == b"seed"
        key._note(withdrawn=True, key_id="k/1")
        assert key._seeds == {}
        await key.close()

    asyncio.run(run())

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.keys.custody import Custody, ModuleLocation, custody_file, write_custody
from sovereign_ai.cluster.keys.levels import Levels
from sovereign_ai.cluster.keys.seal import Sealer
from sovereign_ai.cluster.state import ClusterDir


def test_new_levels_are_followed_and_keys_that_are_known_are_kept(tmp_path: Path) -> None:
    place = ClusterDir("lab", tmp_path / "lab")
    place.make()
    custody = Custody(ModuleLocation(Path("/m"), "t", Path("/p"), {}), "lab-1", {"research": "high"})
    kept: list[Coroutine[Any, Any, None]] = []
    sealer = Sealer({}, {})

    async def follow() -> None:
        write_custody(place, custody)
        levels = Levels(place, sealer, kept.append, lambda: None)
        await levels.take()
        assert sealer.levels == {"research": "high"}
        first = dict(sealer.keys)
        assert set(first) == {"plane", "high"}
        write_custody(place, Custody(custody.module, "lab-1", {"research": "high", "startups": "low"}))
        os.utime(custody_file(place), ns=(1, 1))
        await levels.take()
        assert sealer.levels == {"research": "high", "startups": "low"}
        assert set(sealer.keys) == {"plane", "high", "low"}
        assert all(sealer.keys[name] is key for name, key in first.items())
        for key in sealer.keys.values():
            await key.close()

    asyncio.run(follow())
    assert len(kept) == 3, "each key is watched once"
    for watch in kept:
        watch.close()

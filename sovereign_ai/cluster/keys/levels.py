"""Which namespace stands under which level, as the secret gate follows it: the plane's file, read again when it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sovereign_ai.cluster.keys.custody import custody_file, read_custody, socket_of
from sovereign_ai.cluster.keys.ring import Key
from sovereign_ai.cluster.keys.seal import Sealer
from sovereign_ai.cluster.state import Place

_LEVELS_SECONDS = 1.0


class Levels:
    """Takes over from the plane's file which namespace stands under which level, and opens the keys that are new."""

    def __init__(
        self, where: Place, sealer: Sealer, keep: Callable[[Coroutine[Any, Any, None]], None], changed: Callable[[], None]
    ) -> None:
        self._where, self._sealer, self._keep, self._changed = where, sealer, keep, changed
        self._seen = 0

    async def take(self) -> None:
        """Read the file, if it changed."""
        now = custody_file(self._where).stat().st_mtime_ns
        if now == self._seen:
            return
        custody, self._seen = read_custody(self._where), now
        new = {name: Key(name, socket_of(self._where, name), self._changed) for name in custody.keys if name not in self._sealer.keys}
        for key in new.values():
            await key.refresh()
            self._keep(key.watch())
        self._sealer.keys, self._sealer.levels = {**self._sealer.keys, **new}, dict(custody.levels)

    async def follow(self) -> None:
        """Read it for ever."""
        while True:
            await asyncio.sleep(_LEVELS_SECONDS)
            await self.take()

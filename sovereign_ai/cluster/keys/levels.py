"""The trust levels that the secret gate follows: the custody file, read anew when it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sovereign_ai.cluster.keys.custody import custody_file, read_custody, socket_of
from sovereign_ai.cluster.keys.key_client import KeyHandle
from sovereign_ai.cluster.keys.seal import Sealer
from sovereign_ai.cluster.state import ClusterDir

_LEVELS_SECONDS = 1.0


class Levels:
    """Updates a sealer from the custody file: the levels of namespaces, and clients for keys that are new."""

    def __init__(
        self,
        cluster_dir: ClusterDir,
        sealer: Sealer,
        keep: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
    ) -> None:
        """Prepare without reading the file.

        Args:
            cluster_dir: the control plane's folder.
            sealer: what is updated.
            keep: starts a task that runs as long as the gate.
            changed: called when a key is withdrawn or restored.
        """
        self._cluster_dir, self._sealer, self._keep, self._changed = cluster_dir, sealer, keep, changed
        self._seen = 0

    async def take(self) -> None:
        """Read the file, if it changed."""
        modified = custody_file(self._cluster_dir).stat().st_mtime_ns
        if modified == self._seen:
            return
        # The time was read before the content: a change in between is seen in the next round.
        custody, self._seen = read_custody(self._cluster_dir), modified
        keys = dict(self._sealer.keys)
        for name in custody.keys:
            if name in keys:
                continue
            key = KeyHandle(name, socket_of(self._cluster_dir, name), self._changed)
            await key.refresh()
            self._keep(key.watch())
            keys[name] = key
        # Both at once: a level whose key is unknown would be an error.
        self._sealer.keys, self._sealer.levels = keys, dict(custody.levels)

    async def follow(self) -> None:
        """Read it forever."""
        while True:
            await asyncio.sleep(_LEVELS_SECONDS)  # noqa: TID251 - it goes on until its task is cancelled
            await self.take()

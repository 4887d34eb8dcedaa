"""What a run over hosts has done, kept between runs so that the next can go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from sovereign_ai.cluster.state import write_private
from sovereign_ai.deploy.host_events import HostResult


@dataclass(frozen=True, slots=True)
class Journal:
    """What a run has done, kept so that the next can go on.

    Attributes:
        file: where it is kept, with mode 0600.
        digest: of the whole inventory; another one begins anew.
    """

    file: Path
    digest: str

    def done(self) -> frozenset[str]:
        """Give the hosts that are done under this inventory."""
        try:
            data = orjson.loads(self.file.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return frozenset()
        return frozenset(data["done"]) if data.get("digest") == self.digest else frozenset()

    def add(self, results: Sequence[HostResult]) -> None:
        """Keep what went well."""
        done = self.done() | {one.host for one in results if one.state in ("ok", "changed")}
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self.file, orjson.dumps({"digest": self.digest, "done": sorted(done)}))

    def forget(self) -> None:
        """Begin anew next time."""
        self.file.unlink(missing_ok=True)

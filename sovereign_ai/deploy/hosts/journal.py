"""The journal of a run over hosts: what is done, kept between runs so that the next one can resume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from sovereign_ai.deploy.hosts.events import HostResult
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.files import STATE, parse_json, read
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain import make_folders


@frozen_dataclass
class Journal:
    """The hosts that a run has finished, kept so that the next run can resume.

    Attributes:
        file: the journal's file, of mode 0600.
        digest: digest of the whole inventory; under another one the run starts from the beginning.
    """

    file: Path
    digest: str

    def done(self) -> frozenset[str]:
        """Return the hosts that are done under this inventory."""
        try:
            data = parse_json(read(self.file, STATE), str(self.file), STATE).data
        except EnvironmentLacksError:
            # A journal that cannot be read only costs time: every host is looked at once more.
            return frozenset()
        if not isinstance(data, dict) or data.get("digest") != self.digest:
            return frozenset()
        names = data.get("done")
        if not isinstance(names, list):
            return frozenset()
        return frozenset(name for name in names if isinstance(name, str))

    def add(self, results: Sequence[HostResult]) -> None:
        """Record the hosts that succeeded."""
        done = set(self.done())
        for result in results:
            if result.state in ("ok", "changed"):
                done.add(result.host)
        make_folders(self.file.parent)
        write_private(self.file, orjson.dumps({"digest": self.digest, "done": sorted(done)}))

    def forget(self) -> None:
        """Remove the journal, so that the next run starts from the beginning."""
        self.file.unlink(missing_ok=True)

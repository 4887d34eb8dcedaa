"""Every command under every limit of its shell: it does its work, or names the limit, and the next run
converges.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster
from tests.faults.stand import Stand

MEGABYTE = 1 << 20
LIMITS = [
    *(f"--nofile={number}" for number in (24, 32, 40, 48, 64, 96, 128, 192, 256)),
    *(f"--as={number * MEGABYTE}" for number in (256, 320, 384, 448, 512, 640, 768, 1024, 1536, 2048)),
    *(f"--fsize={number}" for number in (0, 4096, 65_536, MEGABYTE)),
    *(f"--nproc={number}" for number in (1, 8, 32, 128)),
]
NAMED = {
    "file-limit",
    "file-refused",
    "local-limit",
    "memory-limit",
    "process-limit",
    "provider-ended",
    "engine-killed",
    "state-disk-full",
    "tool-missing",
}


@pytest.fixture(scope="module")
def stand(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    made = Stand(cluster, tmp_path_factory.mktemp("stand"))
    made.require("up")
    yield made
    made.stop()


@pytest.mark.faults_long
@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("verb", ["verify", "preview", "up"])
def test_a_command_under_a_limit_works_or_names_it_and_the_next_run_converges(
    stand: Stand, verb: str, limit: str
) -> None:
    done = stand.call(verb, under=["prlimit", limit])
    assert done.code in {0, 3, 4}, done.text
    if done.code:
        assert done.codes & NAMED, done.text
    assert stand.strangers_are_untouched()
    stand.is_as_described()

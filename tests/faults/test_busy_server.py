"""An API server that is busy or silent for a while does not end a command that changes something."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster
from tests.faults.stand import Stand
from tests.support.fault_proxy import Fault

SILENT_SECONDS = 12.0
"""Longer than the client waits for any byte and for a health check, so that an attempt ends."""
_REQUESTS_BEFORE = 25
"""Requests of a removal before the server falls silent: it has been reached by then, and more are to come."""


@pytest.fixture(scope="module")
def stand(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    made = Stand(cluster, tmp_path_factory.mktemp("busy"))
    yield made
    made.stop()


@pytest.mark.cluster
@pytest.mark.parametrize("name", ["busy", "silent"])
def test_a_removal_goes_on_where_the_server_was_busy_or_silent_and_names_the_failed_attempt(
    stand: Stand, name: str
) -> None:
    stand.require("up")
    proxy = stand.proxy
    proxy.forget()
    freed = threading.Timer(SILENT_SECONDS, proxy.disarm)

    def fall_silent() -> None:
        proxy.arm(Fault("silent", times=None))
        freed.start()

    if name == "busy":
        # One deletion meets it as often as the client sends a request: four times.
        path = r"/namespaces/startups(\?|$)"
        proxy.arm(Fault("status", status=504, method="DELETE", path=path, times=4))
    else:
        proxy.at(_REQUESTS_BEFORE, fall_silent)
    done = stand.require("down")
    freed.cancel()
    proxy.disarm()
    assert len(done.document["failed_attempts"]) >= 1
    assert all("trying again in" in line for line in done.document["failed_attempts"])
    stand.is_empty()
    assert stand.strangers_are_untouched()
    # Nothing is left to do, and nobody is asked or told of anything.
    assert "failed_attempts" not in stand.require("down").document

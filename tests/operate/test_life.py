"""The operator's sign of life: what its supervisor asks for each second."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.cluster.process import ProcessProbe, is_well
from sovereign_ai.operate.server import LivenessServer

PROBES = 2_000
"""A server that closes without reading loses about one probe in some hundred on a busy machine."""


@pytest.fixture
def probe(tmp_path: Path) -> Iterator[ProcessProbe]:
    """The probe of an operator whose sign of life is served."""
    path = tmp_path / "operator.sock"
    life = LivenessServer(path)
    thread = threading.Thread(target=life.serve_forever, daemon=True)
    thread.start()
    yield ProcessProbe(0, host=str(path))
    life.shutdown()
    life.server_close()
    thread.join()


def test_no_probe_of_a_living_operator_fails(probe: ProcessProbe) -> None:
    assert [number for number in range(PROBES) if not is_well(probe)] == []


def test_an_operator_that_has_ended_fails_its_probe(tmp_path: Path) -> None:
    assert not is_well(ProcessProbe(0, host=str(tmp_path / "operator.sock")))

"""What is made of Prometheus' answers; they come from a listener of the same kind, over real TLS."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from sovereign_ai.cluster.certificate_server import CertificateHandler, CertificateServer, server_context
from sovereign_ai.cluster.embedded.alerts import active_alerts, query
from sovereign_ai.cluster.embedded.monitoring import MONITORS, Monitoring
from sovereign_ai.cluster.state import ClusterDir, record
from sovereign_ai.errors import EnvironmentLacksError
from tests.cluster.embedded.test_monitoring import made


class _Answers(CertificateHandler):
    """Prometheus, in as far as it is asked here."""

    callers: ClassVar[Mapping[str, str]] = {"/api/v1/alerts": "sovereign-ai:admin"}
    answer: ClassVar[tuple[int, bytes]] = (200, b"")

    def do_GET(self) -> None:  # noqa: N802 - the name that the standard library calls
        """Answer."""
        if self.may("/api/v1/alerts"):
            self.send(*self.answer, "application/json")


@pytest.fixture
def cluster_dir(tmp_path: Path) -> Iterator[ClusterDir]:
    """Return the folder of a control plane whose Prometheus is played."""
    folder = made(tmp_path)
    server = CertificateServer(0, _Answers, server_context(folder.pki, "monitoring-ca", "prometheus-server"))
    record(folder, {"prometheus": int(server.server_address[1])}, {})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder
    server.shutdown()
    server.server_close()


def alert(name: str, state: str, severity: str) -> dict[str, Any]:
    labels = {"alertname": name, "severity": severity, "node": "train-001"}
    annotations = {"summary": f"{name} of train-001"}
    at = "2026-11-28T12:00:00Z"
    return {"labels": labels, "annotations": annotations, "state": state, "activeAt": at, "value": "1"}


def test_what_fires_comes_first_and_critical_before_the_rest(
    cluster_dir: ClusterDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("A", "pending", "critical"), ("B", "firing", "warning"), ("C", "firing", "critical")]
    data = {"data": {"alerts": [alert(*row) for row in rows]}}
    monkeypatch.setattr(_Answers, "answer", (200, orjson.dumps(data)))
    alerts = active_alerts(cluster_dir)
    assert [each.name for each in alerts] == ["C", "B", "A"]
    assert alerts[0].to_data() == {
        "name": "C",
        "state": "firing",
        "severity": "critical",
        "summary": "C of train-001",
        "since": "2026-11-28T12:00:00Z",
        "labels": {"node": "train-001"},
    }


@pytest.mark.parametrize("answer", [(503, b""), (200, b""), (200, b"[]"), (200, b'{"data": 1}'), (200, b"{")])
def test_an_answer_that_is_none_is_said_with_what_to_do_next(
    cluster_dir: ClusterDir, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, bytes]
) -> None:
    monkeypatch.setattr(_Answers, "answer", answer)
    with pytest.raises(EnvironmentLacksError) as error:
        active_alerts(cluster_dir)
    (problem,) = error.value.problems
    assert problem.code == "prometheus-silent"
    assert "cluster status lab" in problem.hint


def test_a_prometheus_that_does_not_run_is_silent_and_one_that_is_not_wanted_has_no_alerts(
    tmp_path: Path,
) -> None:
    without = made(tmp_path / "without", Monitoring(MONITORS[1:], b"{}"))
    assert active_alerts(without) == ()
    stopped = made(tmp_path / "stopped")
    record(stopped, {"prometheus": 1}, {})
    with pytest.raises(EnvironmentLacksError, match="gives no answer"):
        query(stopped, "/api/v1/alerts")


_GOOD = alert("A", "firing", "critical")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"alerts": None},
        {"alerts": {"a": 1}},
        {"alerts": ["a"]},
        {"alerts": [{}]},
        {"alerts": [{**_GOOD, "labels": None}]},
        {"alerts": [{**_GOOD, "labels": ["ab"]}]},
        {"alerts": [{**_GOOD, "labels": {"alertname": 1}}]},
        {"alerts": [{**_GOOD, "annotations": "x"}]},
        {"alerts": [{**_GOOD, "annotations": {"summary": []}}]},
        {"alerts": [{**_GOOD, "state": {}}]},
        {"alerts": [{**_GOOD, "activeAt": 1}]},
    ],
)
def test_alerts_of_another_form_are_no_answer(
    cluster_dir: ClusterDir, monkeypatch: pytest.MonkeyPatch, data: dict[str, Any]
) -> None:
    monkeypatch.setattr(_Answers, "answer", (200, orjson.dumps({"data": {"alerts": [_GOOD]}})))
    assert [each.name for each in active_alerts(cluster_dir)] == ["A"]
    monkeypatch.setattr(_Answers, "answer", (200, orjson.dumps({"data": data})))
    with pytest.raises(EnvironmentLacksError, match="prometheus-silent"):
        active_alerts(cluster_dir)

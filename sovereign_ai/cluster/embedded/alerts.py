"""What the Prometheus of an embedded control plane says: its alerts, and the answer to an expression.

It is asked with the certificate of the control plane's user, which opens the listeners of monitoring alone.

    active_alerts(cluster_dir)      # empty where nothing is wrong, and where no Prometheus runs
    ask(cluster_dir, "/api/v1/query?query=up")
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sovereign_ai.cluster.embedded.monitoring import MONITORING_CA, PROMETHEUS, READER, monitors
from sovereign_ai.cluster.pki import LOOPBACK
from sovereign_ai.cluster.state import ClusterDir, recorded_ports
from sovereign_ai.cluster.tls import load_files, trusting
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.files import PROMETHEUS_ANSWER, parse_json
from sovereign_ai.frozen_dataclass import frozen_dataclass

_SECONDS = 10.0


@frozen_dataclass
class ActiveAlert:
    """One alert of the rendered rules whose expression holds.

    Attributes:
        name: its name.
        state: `firing`, or `pending` until the expression has held for as long as the rule says.
        severity: `critical` or `warning`.
        summary: what is wrong.
        since: the moment from which the expression has held, as RFC 3339.
        labels: its labels, without name and severity.
    """

    name: str
    state: str
    severity: str
    summary: str
    since: str
    labels: Mapping[str, str]

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return asdict(self)


def active_alerts(cluster_dir: ClusterDir) -> tuple[ActiveAlert, ...]:
    """Return the alerts of a control plane: those that fire first, critical ones before others.

    Raises:
        EnvironmentLacksError: Prometheus is part of it, and gives no answer, or one of another form.
    """
    if PROMETHEUS not in monitors(cluster_dir):
        return ()
    data = query(cluster_dir, "/api/v1/alerts")
    try:
        alerts = [_alert(item) for item in data["alerts"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _silent(cluster_dir, "what it calls alerts are none") from None
    return tuple(sorted(alerts, key=_urgency))


def _urgency(alert: ActiveAlert) -> tuple[bool, bool, str]:
    """Return by what alerts are sorted."""
    return alert.state != "firing", alert.severity != "critical", alert.summary


def query(cluster_dir: ClusterDir, path: str) -> dict[str, Any]:
    """Return the data of an answer of Prometheus' API.

    Args:
        cluster_dir: the folder of a control plane that Prometheus is part of.
        path: path and query.

    Raises:
        EnvironmentLacksError: Prometheus gives no answer, or refuses.
    """
    try:
        status, raw = _get(cluster_dir, path)
        answer = parse_json(raw, "Prometheus' answer", PROMETHEUS_ANSWER).data
    except (OSError, http.client.HTTPException, UsageError, EnvironmentLacksError) as error:
        raise _silent(cluster_dir, str(error)) from None
    if status != 200 or not isinstance(answer, dict) or not isinstance(answer.get("data"), dict):
        raise _silent(cluster_dir, f"it answers with status {status}")
    data: dict[str, Any] = answer["data"]
    return data


def _get(cluster_dir: ClusterDir, path: str) -> tuple[int, bytes]:
    """Return status and body of one request, shown as the user of the control plane."""
    pki = cluster_dir.pki
    tls = trusting(pki / f"{MONITORING_CA}.crt")
    load_files(tls, pki / f"{READER}.crt", pki / f"{READER}.key")
    port = recorded_ports(cluster_dir).get(PROMETHEUS, 0)
    connection = http.client.HTTPSConnection(LOOPBACK, port, timeout=_SECONDS, context=tls)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        # One byte more than allowed, by which an answer that is too long is recognised.
        return answer.status, answer.read(PROMETHEUS_ANSWER.most_bytes + 1)
    finally:
        connection.close()


def _alert(item: Mapping[str, Any]) -> ActiveAlert:
    """Return an alert of Prometheus' answer.

    Raises:
        KeyError: a member is missing.
        TypeError: one is of another form.
    """
    if not isinstance(item["labels"], dict) or not isinstance(item["annotations"], dict):
        raise TypeError("a member is no mapping")
    labels, notes = dict(item["labels"]), item["annotations"]
    texts = [*labels.values(), *notes.values(), item["state"], item["activeAt"]]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a member is no text")
    return ActiveAlert(
        name=labels.pop("alertname", ""),
        severity=labels.pop("severity", ""),
        state=item["state"],
        summary=notes.get("summary", ""),
        since=item["activeAt"],
        labels=labels,
    )


def _silent(cluster_dir: ClusterDir, why: str) -> EnvironmentLacksError:
    """Return the error that Prometheus gives no answer."""
    hint = f"`sovereign-ai cluster status {cluster_dir.name}` says how it is, and where its log lies"
    return EnvironmentLacksError(
        Problem("prometheus-silent", f"Prometheus gives no answer: {why}", hint=hint)
    )

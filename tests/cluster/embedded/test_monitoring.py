from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509

from sovereign_ai.cluster.embedded.flags import COMPONENTS, components, listeners, processes
from sovereign_ai.cluster.embedded.monitoring import (
    MONITORS,
    Monitoring,
    MonitoringChange,
    make_monitoring,
    monitoring_change,
    monitoring_roles,
    monitors,
    set_monitoring,
)
from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.state import LISTENERS, ClusterDir

BOTH = Monitoring(MONITORS, b'{"name":"lab"}', {"fra1.yaml": "groups: []\n"})
WATCHING = ("prometheus", "machine-metrics", "kube-state-metrics", "kube-state-metrics-telemetry")
PORTS = {name: 20_000 + number for number, name in enumerate((*LISTENERS, *WATCHING))}


def made(folder: Path, wanted: Monitoring = BOTH) -> ClusterDir:
    """Return the folder of a control plane that is watched so, with its files."""
    cluster_dir = ClusterDir("lab", folder / "lab")
    cluster_dir.make()
    make_identities(cluster_dir, PORTS["kube-apiserver"])
    set_monitoring(cluster_dir, wanted)
    make_monitoring(cluster_dir, PORTS)
    return cluster_dir


@pytest.fixture
def cluster_dir(tmp_path: Path) -> ClusterDir:
    """Return the folder of a control plane that both watch."""
    return made(tmp_path)


def read(path: Path) -> Any:
    return orjson.loads(path.read_bytes())


def test_a_control_plane_has_no_trace_of_monitoring_unless_a_description_names_it(tmp_path: Path) -> None:
    plain = made(tmp_path, Monitoring())
    assert monitors(plain) == ()
    assert components(plain) == COMPONENTS
    assert listeners(plain) == LISTENERS
    named = [path.name for path in plain.folder.rglob("*")]
    assert not [name for name in named if "monitoring" in name or "prometheus" in name or "metrics" in name]


def test_each_listener_is_on_loopback_and_wants_a_certificate_of_monitorings_own(
    cluster_dir: ClusterDir,
) -> None:
    programs = {name: Path("/bin/true") for name in (*COMPONENTS, *MONITORS)}
    run = {each.name: each for each in processes(cluster_dir, PORTS, programs)}
    assert f"--web.listen-address=127.0.0.1:{PORTS['prometheus']}" in run["prometheus"].argv
    of_state = run["kube-state-metrics"].argv
    assert {"--host=127.0.0.1", "--telemetry-host=127.0.0.1"} <= set(of_state)
    folder = cluster_dir.config / "monitoring"
    for name, option in (("prometheus", "--web.config.file"), ("kube-state-metrics", "--tls-config")):
        file = folder / f"{name}-web.json"
        assert f"{option}={file}" in run[name].argv
        tls = read(file)["tls_server_config"]
        assert tls["client_auth_type"] == "RequireAndVerifyClientCert"
        assert tls["client_ca_file"] == str(cluster_dir.pki / "monitoring-ca.crt")
        assert tls["min_version"] == "TLS13"
    assert (cluster_dir.pki / "monitoring-ca.crt").read_bytes() != (
        cluster_dir.pki / "cluster-ca.crt"
    ).read_bytes()
    # The supervisor's probe shows the certificate that these listeners accept.
    for name in ("prometheus", "machine-metrics", "kube-state-metrics"):
        probe = run[name].probe
        assert probe is not None
        issuer = x509.load_pem_x509_certificate(Path(probe.certificate).read_bytes()).issuer
        assert issuer.rfc4514_string() == "CN=sovereign-ai monitoring-ca"


def test_nothing_of_monitoring_is_readable_for_others(cluster_dir: ClusterDir) -> None:
    for path in cluster_dir.folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_no_identity_of_monitoring_may_write_or_read_secrets() -> None:
    by_user: dict[str, list[dict[str, Any]]] = {}
    for role in monitoring_roles():
        if role["kind"] == "ClusterRole":
            by_user[role["metadata"]["name"]] = role["rules"]
        else:
            assert role["subjects"][0]["name"] == role["roleRef"]["name"] == role["metadata"]["name"]
    assert by_user.pop("sovereign-ai:prometheus") == [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]
    assert len(by_user) == 2
    for rules in by_user.values():
        for rule in rules:
            assert {*rule["verbs"]} <= {"list", "watch"}
            assert not {"secrets", "configmaps", "*"} & {*rule["resources"]}


def test_kube_state_metrics_counts_what_it_may_list_and_nothing_else(cluster_dir: ClusterDir) -> None:
    programs = {name: Path("/bin/true") for name in (*COMPONENTS, *MONITORS)}
    run = {each.name: each for each in processes(cluster_dir, PORTS, programs)}
    (counted,) = (word for word in run["kube-state-metrics"].argv if word.startswith("--resources="))
    (role,) = (
        role
        for role in monitoring_roles()
        if role["kind"] == "ClusterRole" and role["metadata"]["name"].endswith("kube-state-metrics")
    )
    permitted = [resource for rule in role["rules"] for resource in rule["resources"]]
    assert sorted(permitted) == counted.removeprefix("--resources=").split(",")


@pytest.mark.parametrize(
    ("before", "after", "starts", "stops"),
    [
        ((), MONITORS, MONITORS, ()),
        (MONITORS, (), (), MONITORS),
        (("prometheus",), MONITORS, ("kube-state-metrics",), ()),
        (("prometheus",), ("kube-state-metrics",), ("kube-state-metrics",), ("prometheus",)),
    ],
)
def test_what_a_description_names_starts_and_what_it_names_no_more_stops(
    tmp_path: Path,
    before: tuple[str, ...],
    after: tuple[str, ...],
    starts: tuple[str, ...],
    stops: tuple[str, ...],
) -> None:
    cluster_dir = made(tmp_path, Monitoring(before, b"{}"))
    wanted = Monitoring(after, b"{}")
    change = monitoring_change(cluster_dir, wanted)
    assert change == MonitoringChange(starts, stops)
    assert change.is_restart
    assert str(change).endswith("the control plane is started anew")
    set_monitoring(cluster_dir, wanted)
    assert monitors(cluster_dir) == after
    assert monitoring_change(cluster_dir, wanted) is None


@pytest.mark.parametrize(
    "wanted",
    [
        Monitoring(MONITORS, b'{"name":"other"}', BOTH.rules),
        Monitoring(MONITORS, BOTH.description, {"fra1.yaml": "groups: [{name: a}]\n"}),
        Monitoring(MONITORS, BOTH.description, {"ber1.yaml": "groups: []\n"}),
        Monitoring(MONITORS, BOTH.description),
    ],
)
def test_changed_rules_and_machines_need_no_restart(cluster_dir: ClusterDir, wanted: Monitoring) -> None:
    change = monitoring_change(cluster_dir, wanted)
    assert change == MonitoringChange()
    assert not change.is_restart
    assert str(change) == "monitoring: rules and machines as now described"
    set_monitoring(cluster_dir, wanted)
    rules = cluster_dir.config / "monitoring" / "rules"
    assert {path.name: path.read_text() for path in rules.iterdir()} == wanted.rules
    assert monitoring_change(cluster_dir, wanted) is None


def test_kube_state_metrics_without_prometheus_has_no_settings_that_nobody_reads(tmp_path: Path) -> None:
    cluster_dir = made(tmp_path, Monitoring(("kube-state-metrics",), b"{}"))
    assert not (cluster_dir.config / "monitoring" / "prometheus.json").exists()
    assert listeners(cluster_dir) == (*LISTENERS, "kube-state-metrics", "kube-state-metrics-telemetry")


def test_a_damaged_record_counts_as_no_monitoring(cluster_dir: ClusterDir) -> None:
    (cluster_dir.config / "monitoring.json").write_text('{"programs": "prometheus"}')
    assert monitors(cluster_dir) == ()

from __future__ import annotations

from pathlib import Path
from typing import Any

from sovereign_ai.cluster.embedded.scraping import scrape_settings
from sovereign_ai.cluster.state import ClusterDir

OWN = ("prometheus", "machine-metrics", "kube-state-metrics")
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
PORTS = {name: 20_000 + number for number, name in enumerate((*COMPONENTS, *OWN))}


def settings() -> dict[str, Any]:
    return scrape_settings(
        ClusterDir("lab", Path("/state/lab")),
        PORTS,
        rules="/state/lab/rules/*.yaml",
        of_cluster=("cluster-ca", "prometheus"),
        of_monitoring=("monitoring-ca", "monitoring-scraper"),
        own=OWN,
    )


def test_every_target_is_on_loopback_and_shown_a_certificate_over_tls() -> None:
    for job in settings()["scrape_configs"]:
        assert job["scheme"] == "https", job
        ((target,),) = [config["targets"] for config in job["static_configs"]]
        assert target.startswith("127.0.0.1:")
        assert {"ca_file", "cert_file", "key_file"} <= job["tls_config"].keys()
        assert job["tls_config"]["min_version"] == "TLS13"


def test_a_component_is_never_shown_the_identity_of_another_authority() -> None:
    for job in settings()["scrape_configs"]:
        names = {Path(job["tls_config"][key]).stem for key in ("ca_file", "cert_file")}
        is_component = job["job_name"] in COMPONENTS
        expected = {"cluster-ca", "prometheus"} if is_component else {"monitoring-ca", "monitoring-scraper"}
        assert names == expected, job["job_name"]


def test_etcd_is_not_scraped_since_whoever_may_read_its_metrics_may_read_everything() -> None:
    assert "etcd" not in {job["job_name"] for job in settings()["scrape_configs"]}


def test_samples_that_stand_for_other_exporters_keep_their_own_labels() -> None:
    honoured = {job["job_name"] for job in settings()["scrape_configs"] if job.get("honor_labels")}
    pages = {"simulated-nodes", "simulated-gpus", "simulated-controllers", "simulated-jobs"}
    assert honoured == {"kube-state-metrics", *pages}

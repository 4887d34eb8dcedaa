"""Where measurements and logs go: the Prometheus operator and the Fluent Operator."""

from __future__ import annotations

from sovereign_ai.rules.addons.addon import Addon, absent, below, places
from sovereign_ai.rules.places.fields import Field

_PROMETHEUS = "prometheus-operator.dev/docs/api-reference/api"

_MONITORED = (
    Field("spec.namespaceSelector.any", "unset"),
    Field("spec.namespaceSelector.matchNames[]", "own-namespace"),
)
# What the servers of the operator have in common.
_OF_SERVER = (
    Field("spec.hostNetwork", "unset"),
    Field("spec.image", "image"),
    Field("spec.baseImage", "image"),
    Field("spec.storage.volumeClaimTemplate.spec.storageClassName", "class"),
    Field("spec.storage.ephemeral.volumeClaimTemplate.spec.storageClassName", "class"),
)
_WRITES = (
    *places(
        "spec.remoteWrite[].url",
        "spec.remoteWrite[].proxyUrl",
        "spec.remoteRead[].url",
        "spec.remoteRead[].proxyUrl",
        "spec.remoteWrite[].oauth2.tokenUrl",
        "spec.remoteWrite[].oauth2.proxyUrl",
        "spec.remoteRead[].oauth2.tokenUrl",
        "spec.remoteRead[].oauth2.proxyUrl",
        "spec.tracingConfig.endpoint",
        "spec.apiserverConfig.host",
        "spec.apiserverConfig.proxyUrl",
        "spec.alerting.alertmanagers[].proxyUrl",
    ),
    # Each of these takes configuration that no condition reads, or signs in at a cloud's own address.
    *absent(
        "spec.thanos",
        "spec.containers",
        "spec.initContainers",
        "spec.additionalScrapeConfigs",
        "spec.additionalAlertManagerConfigs",
        "spec.additionalAlertRelabelConfigs",
        "spec.additionalArgs",
        "spec.scrapeClasses",
        "spec.hostAliases",
        "spec.remoteWrite[].sigv4",
        "spec.remoteWrite[].azureAd",
        "spec.alerting.alertmanagers[].sigv4",
    ),
    *_OF_SERVER,
    Field("spec.alerting.alertmanagers[].namespace", "own-namespace"),
)


def _monitoring(kind: str, fields: tuple[Field, ...]) -> Addon:
    """Return a kind of the Prometheus operator."""
    return Addon("monitoring.coreos.com", kind, "network", _PROMETHEUS, fields)


# Before a request, relabelling may write another address into a target.
_SCRAPED = (
    *places("proxyUrl", "oauth2.tokenUrl", "oauth2.proxyUrl"),
    Field("relabelings[]", "no-target"),
)
_SERVICE_MONITOR = _monitoring("ServiceMonitor", (*below(("spec.endpoints[]",), _SCRAPED), *_MONITORED))
_POD_MONITOR = _monitoring("PodMonitor", (*below(("spec.podMetricsEndpoints[]",), _SCRAPED), *_MONITORED))

_PROBE = _monitoring(
    "Probe",
    (
        *places(
            "spec.prober.url",
            "spec.prober.proxyUrl",
            "spec.targets.staticConfig.static[]",
            "spec.oauth2.tokenUrl",
            "spec.oauth2.proxyUrl",
        ),
        Field("spec.targets.staticConfig.relabelingConfigs[]", "no-target"),
        Field("spec.targets.ingress.relabelingConfigs[]", "no-target"),
        Field("spec.targets.ingress.namespaceSelector.any", "unset"),
        Field("spec.targets.ingress.namespaceSelector.matchNames[]", "own-namespace"),
    ),
)
# Whoever answers other discoveries of targets says where these are.
_SCRAPE_CONFIG = _monitoring(
    "ScrapeConfig",
    (
        Field("spec", "configs", ("kubernetesSDConfigs", "staticConfigs")),
        *places(
            "spec.staticConfigs[].targets[]", "spec.proxyUrl", "spec.oauth2.tokenUrl", "spec.oauth2.proxyUrl"
        ),
        Field("spec.relabelings[]", "no-target"),
        *absent(
            *(
                f"spec.kubernetesSDConfigs[].{name}"
                for name in ("apiServer", "proxyUrl", "oauth2", "proxyConnectHeader")
            )
        ),
    ),
)
# Every receiver but these two is somebody's service.
_ALERTMANAGER_CONFIG = _monitoring(
    "AlertmanagerConfig",
    (
        Field("spec.receivers[]", "configs", ("emailConfigs", "webhookConfigs")),
        *places("spec.receivers[].webhookConfigs[].url", "spec.receivers[].emailConfigs[].smarthost"),
        *absent(
            "spec.receivers[].webhookConfigs[].urlSecret",
            *(
                f"spec.receivers[].webhookConfigs[].httpConfig.{name}"
                for name in ("oauth2", "proxyURL", "proxyUrl")
            ),
        ),
    ),
)
_ALERTMANAGER = _monitoring(
    "Alertmanager",
    (
        *_OF_SERVER,
        *places("spec.alertmanagerConfiguration.global.smtp.smartHost.host", "spec.clusterAdvertiseAddress"),
        Field(
            "spec.alertmanagerConfiguration.global",
            "allowed-keys",
            ("resolveTimeout", "smtp"),
        ),
        *absent(
            "spec.containers",
            "spec.initContainers",
            "spec.hostAliases",
            "spec.additionalPeers",
            "spec.additionalArgs",
        ),
    ),
)

# Every output but these asks a cloud's own address, or is text that no condition reads.
_FLUENT_NAMES = "es forward gelf http influxDB loki opensearch opentelemetry prometheusRemoteWrite syslog tcp"
_FLUENT_HOSTS = tuple(_FLUENT_NAMES.split())
_FLUENT_OUTPUT = (
    Field(
        "spec",
        "allowed-keys",
        (
            *("alias", "logLevel", "match", "matchRegex", "processors", "retry_limit", "workers"),
            *("file", "kafka", "null", "stdout"),
            *_FLUENT_HOSTS,
        ),
    ),
    *places(*(f"spec.{name}.host" for name in _FLUENT_HOSTS), "spec.kafka.brokers"),
    *places("spec.http.proxy", "spec.opentelemetry.proxy", "spec.prometheusRemoteWrite.proxy"),
    *places("spec.es.awsSTSEndpoint", "spec.opensearch.awsSTSEndpoint"),
    *absent("spec.es.cloudID", "spec.opensearch.cloudID", "spec.kafka.rdkafka", "spec.processors"),
    *absent("spec.es.awsRoleARN", "spec.opensearch.awsRoleARN"),
)


def _fluent_output(kind: str) -> Addon:
    """Return a kind of the Fluent Operator that says where logs go."""
    source = "github.com/fluent/fluent-operator/blob/master/docs/fluentbit.md"
    return Addon("fluentbit.fluent.io", kind, "network", source, _FLUENT_OUTPUT)


LOG_OUTPUTS = (
    _fluent_output("Output"),
    _fluent_output("ClusterOutput"),
)
MONITORING = (
    _SERVICE_MONITOR,
    _POD_MONITOR,
    _monitoring("Prometheus", _WRITES),
    _monitoring("PrometheusAgent", _WRITES),
    _PROBE,
    _SCRAPE_CONFIG,
    _ALERTMANAGER_CONFIG,
    _ALERTMANAGER,
)

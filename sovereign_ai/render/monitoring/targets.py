"""What Prometheus scrapes at a site, and under which labels: files of targets, and the configuration.

Ports are the exporters' defaults: node_exporter 9100, dcgm-exporter 9400, ipmi_exporter 9290,
kube-state-metrics 8080. InfiniBand switches have no address in the plan and no such exporter: their loss
shows at the ports of nodes alone. kube-state-metrics is a target where the platform names it, under the name
of its Service, which is known inside its own cluster: for a Prometheus outside it, or for a second cluster of
the site, the address that leads there is the site's to add to the file of targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.catalog.system import system
from sovereign_ai.plan import Node, Plan, PlatformController

NODES, GPUS, CONTROLLERS, SWITCHES = "nodes", "gpus", "controllers", "switches"
OBJECTS = "kube-state-metrics"
"""The jobs; the last one has the name of the controller that is scraped."""
_NODE_PORT, _GPU_PORT, _OBJECTS_PORT = 9100, 9400, 8080
_EXPORTER = "dcgm-exporter"

Target = dict[str, Any]


def scrape_targets(plan: Plan, site: str) -> Mapping[str, list[Target]]:
    """Return job to the targets of a site, in the form of `file_sd_configs`.

    A node without an in-band address is scraped by its name; one without a controller's address has no
    controller.
    """
    nodes = nodes_of(plan, site)
    by_job: dict[str, list[Target]] = {NODES: [], GPUS: [], CONTROLLERS: [], SWITCHES: []}
    for node in nodes:
        labels = node_labels(node)
        host = node.address or node.name
        by_job[NODES].append({"targets": [f"{host}:{_NODE_PORT}"], "labels": labels})
        if has_dcgm(node):
            by_job[GPUS].append({"targets": [f"{host}:{_GPU_PORT}"], "labels": labels})
        if node.bmc:
            by_job[CONTROLLERS].append({"targets": [node.bmc], "labels": labels})
    for plane in plan.fabrics:
        if plane.site != site:
            continue
        for switch in plane.switches:
            if switch.loopback:
                labels = {
                    "switch": switch.name,
                    "plane": plane.name,
                    "tier": switch.tier,
                    "rack": switch.rack,
                }
                by_job[SWITCHES].append({"targets": [f"{switch.loopback}:{_NODE_PORT}"], "labels": labels})
    counter = object_counter(plan)
    if counter is not None:
        by_job[OBJECTS] = [{"targets": [f"{_service(counter)}:{_OBJECTS_PORT}"], "labels": {}}]
    return by_job


def object_counter(plan: Plan) -> PlatformController | None:
    """Return the kube-state-metrics of the factory's clusters; None where the platform names none."""
    for controller in plan.platform:
        if (controller.function, controller.name) == ("monitoring", OBJECTS):
            return controller
    return None


def _service(controller: PlatformController) -> str:
    """Return the DNS name of a controller's Service, as its manifests or its publisher have it."""
    services = [title.split("/")[1:] for title in controller.objects if title.startswith("Service/")]
    namespace, name = services[0] if len(services) == 1 else (controller.namespace, controller.name)
    return f"{name}.{namespace}.svc"


def nodes_of(plan: Plan, site: str) -> list[Node]:
    """Return the nodes of a site."""
    return [node for node in plan.nodes if node.site == site]


def node_labels(node: Node) -> dict[str, str]:
    """Return the labels of everything that is scraped from a node or its controller."""
    return {
        "node": node.name,
        "pool": node.pool,
        "rack": node.rack,
        "scalable_unit": node.scalable_unit,
        "zone": node.zone,
    }


def has_dcgm(node: Node) -> bool:
    """Return whether NVIDIA's exporter runs on a node."""
    chip = accelerator_of(system(node.system))
    return chip is not None and chip.gpu_vendor.telemetry == _EXPORTER


def prometheus_yaml(plan: Plan, site: str) -> str:
    """Return Prometheus' configuration for a site, beside which `rules.yaml` and `targets/` lie.

    A management controller has no exporter: ipmi_exporter, beside Prometheus, asks it over the out-of-band
    network. Credentials are that exporter's, and not in these files. What counts objects says of which
    namespace and pod each series is: such labels are those of the series, and not of its target.
    """
    objects = "" if object_counter(plan) is None else f"{_job(OBJECTS)}  honor_labels: true\n"
    return f"""# {site}: promtool check config prometheus.yaml
global:
  scrape_interval: 30s
  evaluation_interval: 30s
  external_labels:
    site: {site}
rule_files:
- rules.yaml
scrape_configs:
{_job(NODES)}{_job(GPUS)}{_job(SWITCHES)}{objects}{_job(CONTROLLERS)}  metrics_path: /ipmi
  relabel_configs:
  - source_labels: [__address__]
    target_label: __param_target
  - source_labels: [__param_target]
    target_label: instance
  - target_label: __address__
    replacement: 127.0.0.1:9290
"""


def _job(name: str) -> str:
    """Return the beginning of a job."""
    return f"- job_name: {name}\n  file_sd_configs:\n  - files: [targets/{name}.json]\n"

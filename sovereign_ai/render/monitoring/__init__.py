"""What watches a site by its plan: Prometheus' targets, rules and their tests, and Grafana's dashboards.

Rules of this package:

* One set of files a site, since what a site's exporters say stays there.
* Names of metrics are those of the exporters that publish them: node_exporter, dcgm-exporter, ipmi_exporter,
  kube-state-metrics (read 2026-11-27). What a rule or a panel reads, a job of `prometheus.yaml` brings.
  Planned figures are constant series in the rules, named `plan:…`; alerts compare both.
* Every alert has a test beside it, in the form of `promtool test rules`: one input that fires it, and one
  that does not.
* A constant that is the project's own judgement says so.

    prometheus_yaml(plan, "fra1")     # "# fra1: promtool check config prometheus.yaml"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.render.monitoring.dashboards import rack_dashboards
    from sovereign_ai.render.monitoring.rule_files import rule_tests, rules_yaml
    from sovereign_ai.render.monitoring.targets import node_labels, prometheus_yaml, scrape_targets
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "dashboards": ("rack_dashboards",),
            "rule_files": ("rule_tests", "rules_yaml"),
            "targets": ("node_labels", "prometheus_yaml", "scrape_targets"),
        },
    )

__all__ = ["node_labels", "prometheus_yaml", "rack_dashboards", "rule_tests", "rules_yaml", "scrape_targets"]

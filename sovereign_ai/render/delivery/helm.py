"""A Helm chart (apiVersion v2) of a cluster's objects, with nothing left to choose.

The objects are what the rules judged, so no value changes them, and a schema refuses every value. What Helm's
templates would interpret is escaped. Helm applies kinds that it does not know last, by their names
(`InstallOrder` in pkg/release/v1/util/kind_sorter.go, Helm 4.3): admission policies among them.

    >>> escaped("a {{ b }}")
    'a {{ "{{" }} b }}'
"""

from __future__ import annotations

import orjson

from sovereign_ai import __version__
from sovereign_ai.plan import Plan
from sovereign_ai.render.delivery.notes import EITHER, GUARDED
from sovereign_ai.render.delivery.retention import annotated, is_kept
from sovereign_ai.render.kubernetes.bundle import Bundle, yaml_stream

_LAST = "Helm applies admission policies after everything else: give nobody access before it has ended"
_UNINSTALLED = (
    "namespaces, storage classes, quotas, limits and closing network policies stay after `helm uninstall`, "
    "since a namespace holds data; what opens the network, rights and admission policies go"
)
HELM_WARNINGS = (_LAST, _UNINSTALLED, GUARDED, EITHER.format(tool="Helm"))
"""What somebody must know who has Helm write the objects."""
_KEPT = {"helm.sh/resource-policy": "keep"}
_DIGITS = 12
"""Hexadecimal digits of a digest in a version."""
_IGNORED = "# What `sovereign-ai render` notes for itself is no part of the chart.\n.sovereign-ai-*\n"
_VALUES = "# No value changes the objects, since the rules judged them: change the description.\n{}\n"


def chart_files(bundle: Bundle, plan: Plan) -> dict[str, str]:
    """Return the text of every file of a cluster's chart, by its path in the chart.

    Args:
        bundle: the cluster's objects.
        plan: the plan that they are rendered from.
    """
    files = {
        ".helmignore": _IGNORED,
        "Chart.yaml": yaml_stream([_chart(bundle, plan)]),
        "values.schema.json": _schema(),
        "values.yaml": _VALUES,
    }
    for component, objects in bundle.by_component().items():
        kept = [annotated(obj, _KEPT) if is_kept(obj) else obj for obj in objects]
        files[f"templates/{component}.yaml"] = escaped(yaml_stream(kept))
    return files


def escaped(text: str) -> str:
    """Return a text as a Go template that yields it.

    Outside an action only the left delimiter has a meaning: `}}` is text.
    """
    return text.replace("{{", '{{ "{{" }}')


def chart_version(bundle: Bundle) -> str:
    """Return the chart's version: this program's, with the objects' digest as build metadata (SemVer 2.0.0).

    Build metadata has no order, and two bundles have none either. A registry writes `_` for its `+`.
    """
    return f"{__version__}+{bundle.digest[:_DIGITS]}"


def _chart(bundle: Bundle, plan: Plan) -> dict[str, object]:
    """Return the content of Chart.yaml."""
    return {
        "apiVersion": "v2",
        "name": bundle.cluster,
        "description": f"Kubernetes objects of the cluster {bundle.cluster}, rendered by sovereign-ai",
        "type": "application",
        "version": chart_version(bundle),
        "appVersion": f"plan-{plan.digest[:_DIGITS]}",
    }


def _schema() -> str:
    """Return the JSON Schema of the values, which refuses all but what Helm itself passes to a subchart."""
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"global": {"type": "object"}},
        "additionalProperties": False,
    }
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"

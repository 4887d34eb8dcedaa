"""The package's schema, from which `pulumi package add` writes an SDK.

Inputs are plain: an SDK's types then refuse an Output where the program is compiled, before any preview.
"""

from __future__ import annotations

from typing import Any

import orjson

from sovereign_ai.toolchain import PACKAGE_VERSION

PACKAGE = "sovereign"
NPM_NAME = "@sovereign-ai/pulumi"
TOKEN = "sovereign:index:FactoryDeployment"  # noqa: S105 - Pulumi's word for a type's name
_TEXT = {"type": "string", "plain": True}
INPUTS: dict[str, dict[str, Any]] = {
    "file": {
        **_TEXT,
        "description": "The description's file or folder, relative to the project's folder. "
        "Either this or `description`.",
    },
    "description": {
        "type": "object",
        "additionalProperties": {"$ref": "pulumi.json#/Any"},
        "plain": True,
        "description": "The description itself, with the fields of factory.yaml. Either this or `file`.",
    },
    "cluster": {
        **_TEXT,
        "description": "Which of the plan's clusters this deployment is; "
        "left out, the stack's name decides where there are several.",
    },
    "kubeconfig": {
        **_TEXT,
        "description": "The file of the cluster; "
        "left out, the configuration `sovereign:kubeconfig`, else KUBECONFIG.",
    },
    "context": {**_TEXT, "description": "The file's context; left out, its current one."},
}
"""Input properties by name."""
OUTPUTS = {
    "spec": {"type": "string", "description": "The digest of the description."},
    "plan": {"type": "string", "description": "The digest of the plan."},
    "bundle": {"type": "string", "description": "The digest of the Kubernetes objects."},
    "cluster": {"type": "string", "description": "The cluster's name in the plan."},
}
"""Output properties by name."""


def schema() -> dict[str, Any]:
    """Return the schema in Pulumi's form."""
    component = {
        "isComponent": True,
        "description": "A whole AI factory on one cluster, "
        "derived from its description and judged by the rules before any write.",
        "inputProperties": INPUTS,
        "properties": OUTPUTS,
        "required": list(OUTPUTS),
    }
    return {
        "name": PACKAGE,
        "displayName": "Sovereign AI",
        "version": PACKAGE_VERSION,
        "description": "Infrastructure as code for sovereign AI datacenters",
        "keywords": ["category/infrastructure", "kind/component"],
        "license": "Apache-2.0",
        "resources": {TOKEN: component},
        "language": {
            "nodejs": {"packageName": NPM_NAME, "respectSchemaVersion": True},
            "python": {"respectSchemaVersion": True},
        },
    }


def text() -> str:
    """Return the schema as JSON."""
    return orjson.dumps(schema(), option=orjson.OPT_SORT_KEYS).decode()

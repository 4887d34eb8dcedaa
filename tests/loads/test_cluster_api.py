"""Objects of Cluster API and Metal3 against the CRDs that their projects publish as Go modules."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.loads.go_modules import module_folder
from tests.render.interop.test_cluster_api import objects
from tests.render.interop.test_output_files import SMALL

pytestmark = pytest.mark.loads

DEFINITIONS = {
    "Cluster": ("sigs.k8s.io/cluster-api@v1.14.2", "core/config/crd/bases/cluster.x-k8s.io_clusters.yaml"),
    "BareMetalHost": (
        "github.com/metal3-io/baremetal-operator@v0.13.0",
        "config/base/crds/bases/metal3.io_baremetalhosts.yaml",
    ),
}
"""Kind to its module and file. The module of Metal3's provider for Cluster API is not served."""


@cache
def schema(kind: str, version: str) -> dict[str, Any]:
    """Give the schema of a served version of a kind."""
    module, file = DEFINITIONS[kind]
    return schema_of(module_folder(module) / file, version)


def schema_of(file: Path, version: str) -> dict[str, Any]:
    """Give the schema of a served version from a CRD's file, in which no unknown field is permitted."""
    definition = yaml.load(file.read_text(), yaml.CSafeLoader)
    (served,) = [row for row in definition["spec"]["versions"] if row["name"] == version and row["served"]]
    specification = served["schema"]["openAPIV3Schema"]["properties"]["spec"]
    close(specification)
    return specification


def close(part: dict[str, Any]) -> None:
    """Refuse unknown fields, as the API server does with strict validation."""
    properties = part.get("properties", {})
    if properties:
        part.setdefault("additionalProperties", False)
    for inner in properties.values():
        close(inner)
    if "items" in part:
        close(part["items"])


@pytest.mark.parametrize("name", SMALL)
def test_every_object_fits_the_definition_that_its_project_publishes(name: str):
    checked = 0
    for document in objects(name):
        if document["kind"] in DEFINITIONS:
            form = schema(document["kind"], document["apiVersion"].rpartition("/")[2])
            assert list(Draft202012Validator(form).iter_errors(document["spec"])) == []
            checked += 1
    assert checked > 1


def test_a_wrong_type_and_an_unknown_field_are_refused():
    (host, *_) = [document for document in objects("lab") if document["kind"] == "BareMetalHost"]
    form = Draft202012Validator(schema("BareMetalHost", "v1alpha1"))
    assert list(form.iter_errors({**host["spec"], "online": "yes"}))
    assert list(form.iter_errors({**host["spec"], "bmcAddress": "192.0.2.1"}))

"""The package's schema, and that component, inputs and documentation say the same."""

from __future__ import annotations

import inspect
from pathlib import Path

import orjson
import yaml

from sovereign_ai.deploy import package
from sovereign_ai.deploy.components.factory_deployment import FactoryDeployment
from sovereign_ai.deploy.package.schema import INPUTS, OUTPUTS, PACKAGE, TOKEN, schema, text
from sovereign_ai.toolchain.launcher import PACKAGE_VERSION


def test_the_schema_is_of_the_component_and_its_inputs_are_plain() -> None:
    (token,) = schema()["resources"]
    component = schema()["resources"][token]
    assert token == TOKEN
    assert component["isComponent"] is True
    assert schema()["version"] == PACKAGE_VERSION
    assert all(part["plain"] and part["description"] for part in component["inputProperties"].values())
    assert component["required"] == list(component["properties"])
    assert orjson.loads(text()) == schema()


def test_inputs_are_the_components_arguments_and_outputs_its_digests() -> None:
    arguments = set(inspect.signature(FactoryDeployment.__init__).parameters) - {
        "self",
        "name",
        "factory",
        "opts",
    }
    assert set(INPUTS) == arguments | {"file", "description"}
    annotations = {name for name, kind in FactoryDeployment.__annotations__.items() if "Output" in str(kind)}
    assert set(OUTPUTS) == annotations


def test_the_folder_is_a_plugin_of_that_name() -> None:
    project = yaml.safe_load((Path(package.__file__).parent / "PulumiPlugin.yaml").read_text())
    assert project == {"name": PACKAGE, "runtime": "python"}

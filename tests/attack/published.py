"""Finds, in published definitions of add-ons' kinds, the fields whose names suggest a place.

    python -m tests.attack.published MODULE@VERSION FOLDER >> tests/attack/published.yaml

The definitions are those of a release, such as a folder `config/crd/bases`. Fields of pods are left out: the
rules on pods judge them. `published.yaml` keeps what was found, so that the tests need no network.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.rules.addons import ADDONS

TABLE = Path(__file__).with_name("published.yaml")
_PLACE = re.compile(
    r"(?i)(?:ur[il]|hosts?|hostname|address(?:es)?|servers?|endpoints?|bucket|region|registry|kubeconfig|image"
    r"|destination|sink|proxy|clusters?|clusternames?|storageclass(?:name)?|secretname|managedby|remote"
    r"|runtimeclass(?:name)?|servicetype|externalname|loadbalancerip|target|backend)$"
)
Data = dict[str, Any]


def suggesting(definition: Data) -> list[str]:
    """Return the paths of a definition's text fields whose names suggest a place, over all its versions."""
    paths: set[str] = set()
    for version in definition["spec"]["versions"]:
        spec = version["schema"]["openAPIV3Schema"]["properties"].get("spec", {})
        paths.update(_texts("spec", spec))
    return sorted(path for path in paths if _PLACE.search(path.rstrip("[]{}").rpartition(".")[2]))


def _texts(path: str, schema: Data) -> Iterator[str]:
    """Yield the paths of the text fields at and below one of a schema."""
    properties = schema.get("properties", {})
    if "containers" in properties:
        return
    if schema.get("type") == "array":
        yield from _texts(f"{path}[]", schema.get("items", {}))
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from _texts(f"{path}{{}}", schema["additionalProperties"])
    elif properties:
        for name, below in properties.items():
            yield from _texts(f"{path}.{name}", below)
    elif schema.get("type", "string") == "string":
        yield path


def main(source: str, folder: str) -> None:
    """Print the rows of the kinds of a folder for which there is a table of fields."""
    rows: dict[str, Data] = {}
    for file in sorted(Path(folder).glob("*.yaml")):
        for definition in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if not definition or definition.get("kind") != "CustomResourceDefinition":
                continue
            key = f"{definition['spec']['group']}/{definition['spec']['names']['kind']}"
            if key in ADDONS:
                rows[key] = {"source": source, "fields": suggesting(definition)}
    sys.stdout.write(yaml.safe_dump(rows, width=130))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Finds, in published definitions of add-ons' kinds, the fields whose names suggest a place.

    python -m tests.attack.published MODULE@VERSION FOLDER >> tests/attack/published.yaml
    python -m tests.attack.published MODULE@VERSION FOLDER unknown >> tests/attack/published_unknown.yaml

The second has the kinds for which there is no table of fields. The definitions are those of a release, such
as a folder `config/crd/bases`. Fields of pods are left out: the rules on pods judge them. The tables keep
what was found, so that the tests need no network.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.rules.addons.table import ADDONS

TABLE = Path(__file__).with_name("published.yaml")
UNKNOWN = Path(__file__).with_name("published_unknown.yaml")
_PLACE = re.compile(
    r"(?i)(?:ur[il]|hosts?|hostname|address(?:es)?|servers?|endpoints?|bucket|region|registry|kubeconfig|image"
    r"|destination|sink|proxy|clusters?|clusternames?|storageclass(?:name)?|secretname|managedby|remote"
    r"|runtimeclass(?:name)?|servicetype|externalname|loadbalancerip|target|backend|ips?|ipv4|ipv6)$"
)
_OF_PODS = frozenset(
    (
        *(
            "affinity",
            "containers",
            "dnsConfig",
            "dnsPolicy",
            "ephemeralContainers",
            "hostAliases",
            "hostIPC",
        ),
        *("hostNetwork", "hostPID", "hostUsers", "hostname", "hostnameOverride", "imagePullSecrets"),
        *("initContainers", "nodeName", "nodeSelector", "os", "overhead", "priorityClassName"),
        *("readinessGates", "resourceClaims", "restartPolicy", "runtimeClassName", "schedulerName"),
        *("securityContext", "serviceAccount", "serviceAccountName", "setHostnameAsFQDN", "subdomain"),
        *("tolerations", "topologySpreadConstraints", "volumes", "workerSpec"),
    )
)
"""Fields of a pod's specification; a worker of KServe is one too."""
Data = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Reads a lone `=`, which some definitions have among their values, as a text."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node))


def suggesting(definition: Data, tops: frozenset[str] = frozenset({"spec"})) -> list[str]:
    """Return the paths of a definition's text fields whose names suggest a place, over all its versions.

    Args:
        definition: the definition.
        tops: the fields of the object that are walked.
    """
    paths: set[str] = set()
    for version in definition["spec"]["versions"]:
        properties = version["schema"]["openAPIV3Schema"]["properties"]
        for top in sorted(tops & set(properties)):
            paths.update(_texts(top, properties[top]))
    return sorted(path for path in paths if _PLACE.search(path.rstrip("[]{}").rpartition(".")[2]))


def _texts(path: str, schema: Data) -> Iterator[str]:
    """Yield the paths of the text fields at and below one of a schema."""
    properties = schema.get("properties", {})
    if "containers" in properties:
        # Other kinds extend a pod's specification, or a part of it, by fields of their own.
        properties = {name: below for name, below in properties.items() if name not in _OF_PODS}
        if not properties:
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


def main(source: str, folder: str, which: str = "known") -> None:
    """Print the rows of the kinds of a folder for which there is a table of fields, or of the others."""
    rows: dict[str, Data] = {}
    for file in sorted(Path(folder).glob("*.yaml")):
        for definition in yaml.load_all(file.read_text(encoding="utf-8"), _Loader):
            if not definition or definition.get("kind") != "CustomResourceDefinition":
                continue
            key = f"{definition['spec']['group']}/{definition['spec']['names']['kind']}"
            if which == "unknown" and key not in ADDONS:
                rows[key] = {"source": source, "fields": suggesting(definition)}
            elif which == "known" and key in ADDONS:
                tops = {field.path.partition(".")[0].removesuffix("[]") for field in ADDONS[key].fields}
                rows[key] = {"source": source, "fields": suggesting(definition, frozenset(tops | {"spec"}))}
    sys.stdout.write(yaml.safe_dump(rows, width=130))


if __name__ == "__main__":
    main(*sys.argv[1:])

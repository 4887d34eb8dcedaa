"""The only reader for verdicts: lists every kind that matters, once.

    observed = observe(api, factory, bundle.objects)
    observed.of("rbac.authorization.k8s.io/v1", "RoleBinding")

Kinds whose objects users make in number (ConfigMaps) are listed by our label; a wanted one that has
lost its label is then read by name. A kind that the server does not serve has no objects and is named
in `unserved`. An unreachable server or a refused permission raises: neither is "nothing there".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sovereign_ai.cluster.access import Api, ApiError
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify.kinds import BY_LABEL, OBSERVED, Kind

Object = Mapping[str, Any]
_CRD = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")


@dataclass(frozen=True, slots=True)
class Observed:
    """A cluster as it was seen.

    Attributes:
        factory: the factory's name.
        objects: (apiVersion, kind) to its objects, sorted by namespace and name.
        unserved: kinds that the server does not serve.
        schemas: (apiVersion, kind) of custom resources to their schema, which holds their defaults.
        requests: how often the server was asked, pages apart.
        observed_at: when the reading began, UTC; no part of any digest.
    """

    factory: str
    objects: Mapping[Kind, tuple[Object, ...]]
    unserved: tuple[Kind, ...]
    schemas: Mapping[Kind, Object]
    requests: int
    observed_at: datetime

    def of(self, api_version: str, kind: str) -> tuple[Object, ...]:
        """Give the objects of one kind; none where it was not observed or is not served."""
        return self.objects.get((api_version, kind), ())

    def named(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """Give one object."""
        for obj in self.of(api_version, kind):
            if obj["metadata"]["name"] == name and obj["metadata"].get("namespace", "") == namespace:
                return obj
        return None


def observe(api: Api, factory: AIFactory, wanted: Iterable[Object] = ()) -> Observed:
    """Read a cluster.

    Args:
        api: the cluster.
        factory: whose objects are looked for.
        wanted: objects whose kinds are read besides those always read.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    began = datetime.now(UTC).replace(microsecond=0)
    listed = list(wanted)
    kinds = sorted({*OBSERVED, *((str(obj["apiVersion"]), str(obj["kind"])) for obj in listed)})
    answers = dict(zip([_CRD, *kinds], api.many([partial(_listed, api, kind, factory.name) for kind in [_CRD, *kinds]]), strict=True))
    found = {kind: list(objects) for kind, objects in answers.items() if objects is not None and kind != _CRD}
    lost = [obj for obj in listed if _kind(obj) in BY_LABEL and not _has(found.get(_kind(obj), []), obj)]
    for obj in api.many([partial(_read, api, obj) for obj in lost]):
        if obj is not None:
            found[_kind(obj)].append(obj)
    return Observed(
        factory=factory.name,
        objects={kind: tuple(sorted(objects, key=_place)) for kind, objects in found.items()},
        unserved=tuple(kind for kind in kinds if answers[kind] is None),
        schemas=_schemas(answers[_CRD] or []),
        requests=1 + len(kinds) + len(lost),
        observed_at=began,
    )


def _listed(api: Api, kind: Kind, factory: str) -> list[dict[str, Any]] | None:
    """List one kind; None if the server does not serve it."""
    selector = f"{KEYS.owner}={OWNER},{KEYS.factory}={factory}" if kind in BY_LABEL else None
    try:
        return api.list(*kind, label_selector=selector)
    except ApiError as error:
        if error.reason == "KindUnknown":
            return None
        raise


def _read(api: Api, obj: Object) -> dict[str, Any] | None:
    """Read one wanted object by its name, since no list by label held it."""
    found = api.get(*_kind(obj), obj["metadata"]["name"], obj["metadata"].get("namespace"))
    return None if found is None else {"apiVersion": obj["apiVersion"], "kind": obj["kind"], **found}


def _schemas(definitions: Iterable[Object]) -> dict[Kind, Object]:
    """Take the schema of every version of every custom resource."""
    found: dict[Kind, Object] = {}
    for definition in definitions:
        spec = definition["spec"]
        for version in spec["versions"]:
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = version.get("schema", {}).get("openAPIV3Schema", {})
    return found


def _kind(obj: Object) -> Kind:
    """Give an object's kind with its version."""
    return str(obj["apiVersion"]), str(obj["kind"])


def _place(obj: Object) -> tuple[str, str]:
    """Give namespace and name."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _has(objects: Iterable[Object], wanted: Object) -> bool:
    """Tell whether an object of the same name is among them."""
    return any(_place(obj) == _place(wanted) for obj in objects)

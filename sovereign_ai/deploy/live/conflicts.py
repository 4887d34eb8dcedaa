"""Find the fields of this stack's objects that another field manager owns with another value.

A deployment restores such a field (`objects.py` forces it), but never silently: its owner is reported before.
Field managers of Kubernetes' own controllers are no conflict. The API server decides whether a value differs:
an object of which somebody else owns a stated field is applied in a dry run without force, and the answer
names each conflict.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError
from sovereign_ai.deploy.live.owned_fields import leaves, states_path
from sovereign_ai.deploy.live_objects import Metadata, ObjectKey, key_of
from sovereign_ai.deploy.objects import CONTROLLERS, FIELD_MANAGER, stated

Object = Mapping[str, Any]
_CONFLICT = 409
_CAUSE = re.compile(r'^(?P<field>[^:]*): conflict with "(?P<manager>[^"]*)"')


@dataclass(frozen=True, slots=True, order=True)
class Conflict:
    """One field that another field manager owns.

    Attributes:
        resource: the object, `Kind/namespace/name`.
        field: the path of the field, as the API server writes it.
        manager: who set it last.
    """

    resource: str
    field: str
    manager: str

    def __str__(self) -> str:
        """Return who changed the field, and that it is restored, for a person."""
        return f"{self.resource} {self.field}: {self.manager!r} changed it; it is put back"

    def to_data(self) -> dict[str, str]:
        """Return plain data for `--json`."""
        return {"resource": self.resource, "field": self.field, "manager": self.manager}


def conflicts(api: Api, objects: Iterable[Object], live: Mapping[ObjectKey, Metadata]) -> list[Conflict]:
    """Return the fields that a deployment of some objects takes from other field managers.

    Args:
        api: the cluster.
        objects: the objects that are about to be deployed, all of them this stack's.
        live: the metadata of those objects that exist.

    Raises:
        ApiError: the server refused a dry run.
        UnreachableError: there was no answer.
    """
    # A dry run costs a request, and most objects have no other field manager at all.
    suspects = [obj for obj in objects if _has_other_manager(obj, live.get(key_of(obj)))]
    contested: list[Conflict] = []
    for conflicts_of_object in api.many(partial(_conflicts_of, api, obj) for obj in suspects):
        contested += conflicts_of_object
    return sorted(contested)


def _conflicts_of(api: Api, obj: Object) -> list[Conflict]:
    """Apply an object in a dry run, and return the contested fields that the answer names."""
    try:
        api.apply(stated(obj), field_manager=FIELD_MANAGER, force=False, dry_run=True)
    except ApiError as error:
        if error.status != _CONFLICT:
            # The deployment itself meets the same error, and reports it.
            return []
        contested = []
        for cause in error.causes:
            if match := _CAUSE.match(cause):
                conflict = Conflict(str(key_of(obj)), match["field"], match["manager"])
                contested.append(conflict)
        return contested
    return []


def _has_other_manager(obj: Object, live: Metadata | None) -> bool:
    """Return whether another field manager owns a field that an object states."""
    for entry in (live or {}).get("managedFields") or ():
        # Subresources such as `status` are written by controllers alone, and no description states them.
        if entry.get("manager") in CONTROLLERS or "subresource" in entry:
            continue
        if any(states_path(obj, path) for path in leaves(entry.get("fieldsV1") or {})):
            return True
    return False

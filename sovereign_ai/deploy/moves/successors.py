"""Recognise renamed components of a factory: which component takes the place of one that goes.

Kubernetes has no renames: a component with another name is objects that go and objects that come. A component
that comes succeeds one that goes if their objects are the same but for names. Names of other components that
go or come count as equal, since several may be renamed in one change. Of several that are equally alike, the
one whose content is the same succeeds: its quotas, protocols and selectors. A tenant that also moves to
another zone is recognised last, among those that have no match in their own zone.

    >>> def role(space: str) -> dict[str, object]:
    ...     meta = {"name": "r", "namespace": space, "labels": {KEYS.component: f"tenant.{space}"}}
    ...     return {"kind": "Role", "metadata": meta, "rules": []}
    >>> successors([role("red")], [role("blue")])
    {'tenant.red': 'tenant.blue'}
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS

Object = Mapping[str, Any]
MOVABLE = {"pool": "pool", "storage": "storage tier", "tenant": "tenant", "zone": "zone"}
"""Prefix of a component label to the word for its kind, for the kinds that a description names."""
_ALIKE = 0.5
"""Share of objects that must be the same but for names.

Half of them, since a component may also get or lose objects in the same change.
"""
_COMPARED = ("rules", "subjects", "roleRef")
"""Fields that make an object another one; a server adds no defaults to them."""
_NOT_CONTENT = frozenset({"apiVersion", "kind", "metadata", "status"})


@frozen_dataclass
class _Form:
    """A component without names.

    Attributes:
        shapes: its objects, each with what makes it another one, to how many of them there are.
        content: every value in its objects, with its path.
    """

    shapes: Counter[str]
    content: frozenset[str]

    def likeness(self, new: _Form) -> tuple[float, float]:
        """Return the share of objects, and of the new component's values, that both have.

        A live object has more values than were stated: the server's defaults. So the new ones count.
        """
        most = max(self.shapes.total(), new.shapes.total(), 1)
        objects = (self.shapes & new.shapes).total() / most
        values = len(self.content & new.content) / max(len(new.content), 1)
        return objects, values


def successors(
    old: Iterable[Object],
    new: Iterable[Object],
    kept: Collection[str] = (),
    known: Collection[str] = (),
) -> dict[str, str]:
    """Return the component that takes the place of each one that goes; empty where none is alike enough.

    Args:
        old: the objects that are there, live or as they were stated.
        new: the objects that are to be there.
        kept: component labels of components that do not go although they have no objects any more.
        known: component labels of components that do not come although they had no objects: they were
            described before, and take nobody's place.
    """
    listed, planned = list(old), list(new)
    before, after = components_of(listed), components_of(planned)
    going = sorted(before.keys() - after.keys() - set(kept))
    coming = sorted(after.keys() - before.keys() - set(known))
    result = dict.fromkeys(going, "")
    if not going or not coming:
        return result
    taken: set[str] = set()
    # Zones are known by their flows in the namespaces of tenants, of which the zone has to count.
    for by_zone, kinds in ((True, MOVABLE), (False, {"tenant"})):
        old_names = _Names(going, listed, by_zone=by_zone)
        new_names = _Names(coming, planned, by_zone=by_zone)
        matches = _matches(
            {name: _form(before[name], old_names) for name in going if _kind(name) in kinds},
            {name: _form(after[name], new_names) for name in coming if _kind(name) in kinds},
        )
        # The best match first, whichever component it is of; among equal ones by name, so that no order
        # decides.
        for _, _, component, other in sorted(matches):
            if not result[component] and other not in taken:
                result[component] = other
                taken.add(other)
    return result


def _matches(
    old_forms: Mapping[str, _Form], new_forms: Mapping[str, _Form]
) -> Iterator[tuple[float, float, str, str]]:
    """Yield each pair of one kind that is alike enough; of two, the more alike one is less."""
    for component, form in old_forms.items():
        for other, new_form in new_forms.items():
            if _kind(component) != _kind(other):
                continue
            objects, values = form.likeness(new_form)
            if objects >= _ALIKE:
                yield -objects, -values, component, other


def components_of(objects: Iterable[Object]) -> dict[str, list[Object]]:
    """Group objects by their component label, as far as a description names the component."""
    components: dict[str, list[Object]] = {}
    for obj in objects:
        component = component_of(obj)
        if _kind(component) in MOVABLE:
            components.setdefault(component, []).append(obj)
    return components


def component_of(obj: Object) -> str:
    """Return an object's component label, such as `tenant.research`; empty where it has none."""
    return str((obj["metadata"].get("labels") or {}).get(KEYS.component, ""))


def tenancy_of(namespace: Object) -> tuple[str, str]:
    """Return the tenant and the zone of a namespace; empty where it has none."""
    labels = namespace["metadata"].get("labels") or {}
    return labels.get(KEYS.tenant, ""), labels.get(KEYS.namespace_zone, "")


def _kind(component: str) -> str:
    return component.partition(".")[0]


class _Names:
    """The names that do not count in a comparison: those of the components that go or come.

    Args:
        components: the component labels.
        objects: all objects, of which the namespaces tell whose they are.
        by_zone: whether a tenant's namespaces in two zones count as different ones.
    """

    def __init__(self, components: Iterable[str], objects: Iterable[Object], *, by_zone: bool) -> None:
        names = {component.partition(".")[2] for component in components}
        # The longest first: of two names of which one begins with the other, the whole one must match.
        alternatives = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        # As whole words only: the pool `a` is not a part of `data`.
        self._pattern = re.compile(rf"(?<![a-z0-9])(?:{alternatives})(?![a-z0-9])")
        self._namespaces = {}
        for obj in objects:
            labels = obj["metadata"].get("labels") or {}
            if obj["kind"] == "Namespace" and KEYS.tenant in labels:
                zone = labels.get(KEYS.namespace_zone, "") if by_zone else ""
                self._namespaces[obj["metadata"]["name"]] = f"{labels[KEYS.tenant]} in {zone}"

    def without(self, text: str) -> str:
        """Return a text without the names."""
        return self._pattern.sub("\0", text)

    def head(self, obj: Object) -> str:
        """Return an object's kind and name, and its namespace as tenant and zone.

        A tenant's namespace has another name once the tenant is in a second zone.
        """
        meta = obj["metadata"]
        is_namespace = obj["kind"] == "Namespace"
        space = meta["name"] if is_namespace else meta.get("namespace", "")
        own = "" if is_namespace else meta["name"]
        return "/".join((obj["kind"], self._namespaces.get(space, space), own))


def _form(objects: Iterable[Object], names: _Names) -> _Form:
    """Return a component without its own name and those of others that go or come with it."""
    shapes: Counter[str] = Counter()
    content: set[str] = set()
    for obj in objects:
        head = names.head(obj)
        identity = {key: obj[key] for key in _COMPARED if key in obj}
        text = orjson.dumps([head, identity], option=orjson.OPT_SORT_KEYS).decode()
        shapes[names.without(text)] += 1
        for path, value in _values({key: obj[key] for key in obj if key not in _NOT_CONTENT}, head):
            content.add(names.without(f"{path}={value}"))
    return _Form(shapes, frozenset(content))


def _values(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every value that is neither a mapping nor a list, with its path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _values(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        # A list's order is no part of its content: rules of a policy may be rendered by name.
        for inner in value:
            yield from _values(inner, f"{path}[]")
    else:
        yield path, value

"""Objects near the rules' boundaries, without end and the same for the same seed.

Each starts as a case or as a rendered object and is changed in one to four places: a value is
replaced by another that stands at that place in some object, a field is added or taken away, a
scalar is moved by one step or becomes a word of the rules themselves, a list grows, a pod moves
into another kind of workload, the object into another namespace of ours. Many results are no
Kubernetes objects any more; that is for the API server to say. No item of a list becomes null: the
API server makes an empty item of it, where everything offline refuses what it cannot read.

    made = Generator(1, corpus(bundle.objects), context)
    for obj, story in made: ...
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from sovereign_ai.rules.context import Context
from sovereign_ai.rules.expressions import with_constants
from sovereign_ai.rules.kinds import KINDS, OTHER, PODS, find_kind
from sovereign_ai.rules.registry import REGISTRY
from tests.rules.cases import cases

Object = dict[str, Any]
Path = tuple[str, ...]
_KEPT = frozenset({("apiVersion",), ("kind",), ("metadata", "namespace")})
"""What makes an object what it is; it changes only as a whole."""
_LITERAL, _NUMBER = re.compile(r'"([^"\\]{1,80})"'), re.compile(r"(?<![\w.\"])(\d{1,7})(?![\w.\"])")
_MOST = 40
"""How long a list may be made: beyond what people write, below what an object may hold."""


def corpus(rendered: Iterable[Mapping[str, Any]]) -> tuple[Object, ...]:
    """Give every case's object and every rendered one, of the kinds that are listed by themselves.

    Kinds of add-ons have no schema here, so the API server would refuse none of what is no object of them.
    """
    made = (*(case.obj for case in cases()), *(dict(obj) for obj in rendered))
    return tuple(obj for obj in made if find_kind(obj["apiVersion"], obj["kind"]) is not OTHER)


def common_name(kind: str, path: Path) -> Path:
    """Give a path its name among all kinds: what lies in a pod has the same name whatever holds the pod.

    Positions are stars.
    """
    holder = tuple(KINDS[kind].pod.split(".")[1:])
    path = tuple("*" if step.isdecimal() else step for step in path)
    if holder and path[: len(holder)] == holder:
        return ("pod", *path[len(holder) :])
    if holder and path[: len(holder)] == (*holder[:-1], "metadata"):
        return ("pod-metadata", *path[len(holder) :])
    return (kind, *path)


class Generator:
    """An endless source of objects, each with the story of how it was made."""

    def __init__(self, seed: int, objects: Sequence[Object], context: Context) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._by_kind: dict[str, list[Object]] = {}
        self._values: dict[Path, list[Any]] = {}
        self._keys: dict[Path, list[tuple[str, Any]]] = {}
        for obj in objects:
            self._by_kind.setdefault(obj["kind"], []).append(obj)
            for path, value in _walk(obj):
                self._learn(common_name(obj["kind"], path), value)
        self._kinds = sorted(self._by_kind)
        self._weights = [_weight(kind) for kind in self._kinds]
        self._namespaces = sorted(dict(context.namespaces))
        texts = {
            with_constants(check.expression, context.constants())
            for rule in REGISTRY
            for check in rule.checks
        }
        self._words = sorted({word for text in texts for word in _LITERAL.findall(text)})
        self._numbers = sorted(
            {int(number) + step for text in texts for number in _NUMBER.findall(text) for step in (-1, 0, 1)}
        )

    def _learn(self, name: Path, value: Any) -> None:
        """Remember what stands at a place."""
        known = self._values.setdefault(name, [])
        if value not in known:
            known.append(value)
        if isinstance(value, Mapping):
            for pair in value.items():
                pairs = self._keys.setdefault(name, [])
                if pair not in pairs:
                    pairs.append(pair)

    def __iter__(self) -> Iterator[tuple[Object, str]]:
        """Give one object after the other."""
        while True:
            yield self._one()

    def _one(self) -> tuple[Object, str]:
        """Make one."""
        kind = self._random.choices(self._kinds, self._weights)[0]
        obj = deepcopy(self._random.choice(self._by_kind[kind]))
        story = [f"{kind}/{obj['metadata'].get('name', '')}"]
        if self._random.random() < 0.15 or obj["metadata"].get("namespace", "") not in {
            "",
            *self._namespaces,
        }:
            story += self._move(obj)
        if kind in PODS and self._random.random() < 0.2:
            story += self._transplant(obj)
        for _ in range(self._random.choices((1, 2, 3, 4), (6, 4, 2, 1))[0]):
            story += self._change(obj)
        return obj, "; ".join(story)

    def _move(self, obj: Object) -> list[str]:
        """Put it into another namespace of ours."""
        if "namespace" not in obj["metadata"]:
            return []
        obj["metadata"]["namespace"] = self._random.choice(self._namespaces)
        return [f"in {obj['metadata']['namespace']}"]

    def _transplant(self, obj: Object) -> list[str]:
        """Give it the pod of another workload."""
        other = self._random.choice(self._by_kind[self._random.choice(PODS)])
        target, source = KINDS[obj["kind"]].pod.split(".")[1:], KINDS[other["kind"]].pod.split(".")[1:]
        try:
            _at(obj, target[:-1])["spec"] = deepcopy(_at(other, source))
        except (KeyError, TypeError):
            return []
        return [f"the pod of {other['kind']}/{other['metadata'].get('name', '')}"]

    def _change(self, obj: Object) -> list[str]:
        """Change it in one place."""
        places = [path for path, _ in _walk(obj) if path not in _KEPT and path != ("metadata",)]
        if not places:
            return []
        path = self._random.choice(places)
        ways: tuple[Callable[[Object, Path], str], ...] = (
            self._swap,
            self._graft,
            self._drop,
            self._nudge,
            self._grow,
        )
        told = self._random.choices(ways, (5, 6, 2, 4, 2))[0](obj, path)
        return [told] if told else []

    def _swap(self, obj: Object, path: Path) -> str:
        """Replace a value by one that stands there in some object."""
        value = self._random.choice(self._values.get(common_name(obj["kind"], path), [None]))
        _set(obj, path, deepcopy(value))
        return f"{'.'.join(path)} = {str(value)[:60]}"

    def _graft(self, obj: Object, path: Path) -> str:
        """Add a field that some object has there."""
        while path and not isinstance(_at(obj, path), dict):
            path = path[:-1]
        pairs = [
            pair
            for pair in self._keys.get(common_name(obj["kind"], path), [])
            if pair[0] not in _at(obj, path)
        ]
        if not pairs or not path:
            return ""
        key, value = self._random.choice(pairs)
        _at(obj, path)[key] = deepcopy(value)
        return f"{'.'.join(path)} + {key}: {str(value)[:60]}"

    def _drop(self, obj: Object, path: Path) -> str:
        """Take a field or an item away."""
        holder, last = _at(obj, path[:-1]), path[-1]
        del holder[int(last) if isinstance(holder, list) else last]
        return f"without {'.'.join(path)}"

    def _nudge(self, obj: Object, path: Path) -> str:
        """Move a value by one step."""
        in_list = isinstance(_at(obj, path[:-1]), list)
        value = None if not in_list and self._random.random() < 0.08 else self._near(_at(obj, path))
        _set(obj, path, value)
        return f"{'.'.join(path)} ~ {str(value)[:60]}"

    def _near(self, value: Any) -> Any:
        """Give a value beside another."""
        pick = self._random.choice
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return pick([value - 1, value + 1, 0, pick(self._numbers)])
        if isinstance(value, str):
            word = pick(self._words)
            return pick(
                [
                    "",
                    f"{value}x",
                    value[:-1],
                    value.upper(),
                    f"x{value}",
                    word,
                    word,
                    f"{word}x",
                    value.replace(".", "-", 1),
                ]
            )
        if isinstance(value, list):
            return pick([[], value[::-1], value[1:], value[:1]])
        return {}

    def _grow(self, obj: Object, path: Path) -> str:
        """Make a list longer: by an item from elsewhere, or many times over."""
        while path and not isinstance(_at(obj, path), list):
            path = path[:-1]
        if not path:
            return ""
        items, known = _at(obj, path), self._values.get((*common_name(obj["kind"], path), "*"), [])
        if items and self._random.random() < 0.1:
            items.extend(deepcopy(items) * (_MOST // len(items)))
        elif known:
            items.insert(self._random.randrange(len(items) + 1), deepcopy(self._random.choice(known)))
        return f"{len(items)} of {'.'.join(path)}"


def _weight(kind: str) -> float:
    """Say how often a kind is chosen: pods most, one that is always refused seldom."""
    if kind == "Binding":
        return 0.3
    return (
        8.0
        if kind == "Pod"
        else 2.0
        if kind in {"NetworkPolicy", "Role", "RoleBinding", "Deployment"}
        else 1.0
    )


def _walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Give every place below a value; positions in lists are numbers in a path."""
    if path:
        yield path, value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _walk(item, (*path, str(position)))


def _at(value: Any, path: Sequence[str]) -> Any:
    """Follow a path."""
    for step in path:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def _set(obj: Object, path: Path, value: Any) -> None:
    """Replace what stands at a path."""
    holder = _at(obj, path[:-1])
    holder[int(path[-1]) if isinstance(holder, list) else path[-1]] = value

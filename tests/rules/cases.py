r"""The cases that every place must decide alike: a folder each, with the object, the decision and its reason.

What differs from a case in one place stands in the rule's `variations.yaml`: the case it is a variation
`of`, what to `set` by dotted path and to `unset` (a dot in a key is written `\.`), the decision and its
reason; with `each`, one variation for each value.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.plan import kubeconfig_head
from sovereign_ai.plan.factory import plan
from sovereign_ai.rules.context import Context, factory_context
from sovereign_ai.rules.engine import ObjectPlace, evaluate
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.spec.reader import load

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
FOLDER = Path(__file__).parent / "cases"
SIGNED = "registry.example.com/ai/signed/"
"""The registry for which the cases of IMG-004 have a signer; the lab declares none."""


@dataclass(frozen=True)
class Case:
    """One object and what must be decided on it, in the lab."""

    name: str
    obj: dict[str, Any]
    decision: str
    rules: tuple[str, ...]
    reason: str
    otherwise: str = ""
    """What the API server itself may say instead of us, before or after it asks our policies."""
    admission: str = ""
    """The decision at admission, where the API server asks about less than the object holds."""

    def __str__(self) -> str:
        return self.name


def cases() -> list[Case]:
    """Give all of them, sorted; whoever changes an object copies it first."""
    return list(_all())


@cache
def _all() -> tuple[Case, ...]:
    found = [_case(path.parent) for path in sorted(FOLDER.glob("*/*/decision.yaml"))]
    named = {case.name: case for case in found}
    varied = [one for path in sorted(FOLDER.glob("*/variations.yaml")) for one in _variations(path, named)]
    return tuple(sorted([*found, *varied], key=lambda case: case.name))


def signed(context: Context) -> Context:
    """Give the lab's context as it would be with a signer for one more registry, and one signature."""
    signature = f"release/sha256:{'0123456789abcdef' * 4}"
    return replace(
        context, signed_registries=(SIGNED,), signers=(("release", SIGNED),), signatures=(signature,)
    )


def resolving(context: Context) -> Context:
    """Give a context as it would be with a resolver, and with two names that may be asked for."""
    address, names = "10.64.0.53", ("mirror.example.com", "registry.example.net")
    forms = (address, f"{address}:53", f"dns://{address}", f"dns://{address}:53")
    ranges = (("?", "TCP/53", f"{address}/32"), ("?", "UDP/53", f"{address}/32"))
    return replace(
        context,
        dns_zones=("cluster.local", "in-addr.arpa", "ip6.arpa", *names),
        dns_names=names,
        dns_resolvers=forms,
        ranges=(*context.ranges, *ranges, ("?", "TCP/6443", "0.0.0.0/0")),
    )


def sending(context: Context) -> Context:
    """Give a context as it would be with a worker cluster on this machine, whose kubeconfig is judged."""
    head = base64.b64encode(kubeconfig_head(None).encode()).decode()
    return replace(context, kubeconfigs=(("lab-ber1-1", head),), queueing="kueue-system")


@cache
def lab_context() -> Context:
    """Give the lab's context with a signer of images, a resolver and a worker, which some cases are about."""
    factory = load(LAB)
    return sending(resolving(signed(factory_context(factory, plan(factory), "lab"))))


def found_offline(case: Case, place: ObjectPlace = "bundle") -> tuple[RuleFinding, ...]:
    """Give what is found in the lab on a case as it is listed; many tests ask for the same."""
    assert case == _by_name()[case.name], "a case as it is listed"
    return _found(case.name, place)


@cache
def _found(name: str, place: ObjectPlace) -> tuple[RuleFinding, ...]:
    return tuple(evaluate([_by_name()[name].obj], lab_context(), place))


@cache
def _by_name() -> dict[str, Case]:
    return {case.name: case for case in _all()}


def _variations(path: Path, named: dict[str, Case]) -> Iterator[Case]:
    """Make the variations of one rule."""
    rule = path.parent.name
    for name, said in _content(path).items():
        of = named[said["of"] if "/" in said["of"] else f"{rule}/{said['of']}"]
        each = [{key: value} for key, values in said.get("each", {}).items() for value in values] or [{}]
        for number, one in enumerate(each, 1):
            obj = deepcopy(of.obj)
            for key in said.get("unset", []):
                _put(obj, _steps(key), None)
            for key, value in {**said.get("set", {}), **one}.items():
                _put(obj, _steps(key), deepcopy(value))
            rules = tuple(sorted(said.get("rules", [rule] if said["decision"] == "deny" else [])))
            full = f"{rule}/{name}" + (f"-{number}" if len(each) > 1 else "")
            otherwise = said.get("otherwise", of.otherwise)
            yield replace(
                of,
                name=full,
                obj=obj,
                decision=said["decision"],
                rules=rules,
                reason=said["reason"],
                otherwise=otherwise,
            )


def changed(obj: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of an object with what is set at dotted paths."""
    copy = deepcopy(obj)
    for key, value in changes.items():
        _put(copy, _steps(key), deepcopy(value))
    return copy


def _steps(key: str) -> list[str]:
    """Part a dotted path; a dot behind a backslash parts nothing."""
    return [step.replace("\\.", ".") for step in re.split(r"(?<!\\)\.", key)]


def _put(value: Any, path: list[str], new: Any) -> None:
    """Set what stands at a path, or take it out for None; missing mappings on the way are made."""
    *way, last = path
    for step in way:
        value = value[int(step)] if isinstance(value, list) else value.setdefault(step, {})
    if new is None:
        del value[last]
    elif isinstance(value, list):
        value[int(last)] = new
    else:
        value[last] = new


def _case(folder: Path) -> Case:
    decided, obj = _content(folder / "decision.yaml"), _content(folder / "object.yaml")
    name, rules = f"{folder.parent.name}/{folder.name}", tuple(sorted(decided["rules"]))
    more = {key: decided.get(key, "") for key in ("otherwise", "admission")}
    return Case(name, obj, decided["decision"], rules, decided["reason"], **more)


def _content(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return content

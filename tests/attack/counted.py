"""Counts the variants of each class: tests' parameters, cases, objects, descriptions, hostile inputs."""

from __future__ import annotations

import importlib
from collections.abc import Sized
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import yaml

from tests.attack import descriptions, variants

TABLE = Path(__file__).with_name("classes.yaml")


@dataclass(frozen=True, slots=True)
class AttackClass:
    """A class of ways round.

    Attributes:
        name: what the class is.
        variants: tests that try variants of it, as pytest names them.
        controls: tests of what must be allowed.
        rules: rules whose refused cases are variants.
        hostile: `module:NAME` of collections of hostile inputs.
    """

    name: str
    variants: tuple[str, ...]
    controls: tuple[str, ...]
    rules: tuple[str, ...]
    hostile: tuple[str, ...]

    def count(self) -> int:
        """Return the number of its variants."""
        number = sum(parameters(test) for test in self.variants)
        number += sum(refused_cases(rule) for rule in self.rules)
        number += sum(collected(name) for name in self.hostile)
        number += len(descriptions.of_class(self.name, "deny"))
        return number + len(variants.of_class(self.name, "deny"))


def read() -> list[AttackClass]:
    """Read the table."""
    rows: list[dict[str, Any]] = yaml.load(TABLE.read_text(encoding="utf-8"), yaml.CSafeLoader)
    classes = []
    for row in rows:
        lists = {name: tuple(row.get(name, ())) for name in ("variants", "controls", "rules", "hostile")}
        classes.append(AttackClass(row["class"], **lists))
    return classes


def parameters(test: str) -> int:
    """Return how many times a test runs: the product of its lists of parameters.

    Raises:
        AttributeError: its file has no such test.
        ModuleNotFoundError: there is no such file.
    """
    file, _, name = test.partition("::")
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    marks = getattr(getattr(module, name), "pytestmark", [])
    lists = [mark.args[1] for mark in marks if mark.name == "parametrize"]
    return prod(len(list(values)) for values in lists)


def refused_cases(rule: str) -> int:
    """Return how many cases a rule refuses."""
    cases = importlib.import_module("tests.rules.test_cases").CASES
    return sum(rule in case.rules for case in cases)


def collected(name: str) -> int:
    """Return how many hostile inputs a collection holds."""
    module, _, attribute = name.partition(":")
    collection: Sized = getattr(importlib.import_module(module), attribute)
    return len(collection)

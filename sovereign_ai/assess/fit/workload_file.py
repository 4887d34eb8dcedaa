"""The reader of a file that describes one training job or one inference service, in YAML or JSON.

    kind: TrainingJob
    name: pretrain
    pool: train
    nodes: 12

Every problem is reported at once, with its line: of the text, of fields, and of names that the stack does not
have. Fields that contradict each other are reported with those names where every field is right by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sovereign_ai.assess.fit.components import InferenceService, TrainingJob
from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.files import WORKLOAD, Parsed, Refused, SourceMap, decode, parse, read, shown
from sovereign_ai.spec import AIFactory, validated

KINDS: dict[str, type[TrainingJob | InferenceService]] = {
    "TrainingJob": TrainingJob,
    "InferenceService": InferenceService,
}
"""The kinds by the word that a file has."""


def read_workload(path: Path, factory: AIFactory) -> TrainingJob | InferenceService:
    """Read a job or a service.

    Args:
        path: the file.
        factory: the description whose pools, tiers and tenants it names.

    Raises:
        SpecError: every problem of the file.
    """
    file = str(path)
    parsed = parse(decode(read(path, WORKLOAD), file, WORKLOAD), file, WORKLOAD, tabs=path.suffix == ".json")
    kind = _kind(parsed, file)
    try:
        work = validated(kind, parsed)
    except SpecError as error:
        # Names are looked up in the raw data too, so that a wrong field does not hide a misspelt pool.
        named = {problem.where.field for problem in error.problems}
        more = [problem for problem in _unknown_names(parsed, factory) if problem.where.field not in named]
        raise SpecError(_sorted([*error.problems, *more])) from None
    problems = _placed([*work.problems()], parsed.source)
    problems += _unknown_names(parsed, factory)
    if problems:
        raise SpecError(_sorted(problems))
    return work


def _kind(parsed: Parsed, file: str) -> type[TrainingJob | InferenceService]:
    """Return the kind of a file's content.

    Raises:
        SpecError: it is no mapping, or of no kind; with every problem of the text.
    """
    names = ", ".join(KINDS)
    if not isinstance(parsed.data, dict):
        content = "the file is empty" if parsed.data is None else "the file holds no mapping of fields"
        place = parsed.source.where("") if parsed.source.values else Where(file, 1, 1)
        problem = Problem("wrong-type", content, place, f"start with 'kind:' and one of {names}")
        raise SpecError([*parsed.problems, problem])
    word = parsed.data.get("kind")
    if isinstance(word, str) and word in KINDS:
        return KINDS[word]
    if isinstance(word, Refused):
        raise SpecError(parsed.problems)
    if word is None:
        message, hint = "kind is missing", f"write kind: and one of {names}"
        problem = Problem("missing-field", message, parsed.source.where("kind"), hint)
    else:
        hint = nearest(word, list(KINDS)) if isinstance(word, str) else f"write one of {names}"
        problem = Problem(
            "not-allowed", f"{shown(word)} is no kind of work", parsed.source.where("kind"), hint
        )
    raise SpecError([*parsed.problems, problem])


def _unknown_names(parsed: Parsed, factory: AIFactory) -> list[Problem]:
    """Return a problem for each pool, tier and tenant that the stack does not have."""
    problems: list[Problem] = []
    for field, noun, names in _references(factory):
        value: Any = parsed.data
        for step in field.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, str) and value not in names:
            message = f"no {noun} of the stack is called {shown(value)}"
            problems.append(
                Problem("unknown-name", message, parsed.source.where(field), nearest(value, names))
            )
    return problems


def _references(factory: AIFactory) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield each field that names a part of the stack, with the noun and the names."""
    yield "pool", "pool", [pool.name for pool in factory.pools]
    yield "tenant", "tenant", [tenant.name for tenant in factory.tenants]
    yield "checkpoint.tier", "storage tier", [tier.name for tier in factory.storage]


def _placed(problems: Sequence[Problem], source: SourceMap) -> list[Problem]:
    """Return problems with the lines of their fields."""
    return [replace(problem, where=source.where(problem.where.field)) for problem in problems]


def _sorted(problems: Sequence[Problem]) -> list[Problem]:
    """Return problems in the order of the text."""
    return sorted(problems, key=lambda problem: problem.order)

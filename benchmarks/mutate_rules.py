"""Changes every rule in every small way, and names the test that notices; what nothing notices is listed.

Rules on objects: each operand of their expressions made true, each word of a list left out, each
number moved by one; noticed where a case of tests/rules/cases is decided otherwise than it says. One
that no case notices, and that decides thousands of generated objects as the rule itself does, counts as
equivalent: mostly an asking whether a field is there, where the error of a missing one denies as well.
Rules on the description and on live objects: each finding left out, each condition never met,
comparisons turned, numbers moved; noticed by a case of tests/rules/test_described.py or test_edges.py, or by
another test of tests/rules. Whole rules and whole expressions are tried besides.

`mutation.json` holds the score that was reached and every other mutant that nothing notices, with the
reason. One that is not listed there and survives fails, and so does one that is listed and is noticed.
`--write` writes the file anew; a reason that is not given stands in it as a question.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cel  # noqa: E402 - the tests' cases are found from the root
import pytest  # noqa: E402

from sovereign_ai.plan.factory import Plan, plan  # noqa: E402
from sovereign_ai.render.kubernetes.bundle import render  # noqa: E402
from sovereign_ai.rules.context import Context, factory_context  # noqa: E402
from sovereign_ai.rules.defaulting import admitted  # noqa: E402
from sovereign_ai.rules.description import (  # noqa: E402
    access,
    copies,
    custody,
    energy,
    exceptions,
    people,
    residency,
    supply,
    transfers,
)
from sovereign_ai.rules.expressions import variables_of, with_constants, without_variables  # noqa: E402
from sovereign_ai.rules.kinds import KINDS  # noqa: E402
from sovereign_ai.rules.normalization import to_plain  # noqa: E402
from sovereign_ai.rules.objects import live  # noqa: E402
from sovereign_ai.rules.registry import REGISTRY  # noqa: E402
from sovereign_ai.rules.rule import Rule, RuleCheck  # noqa: E402
from sovereign_ai.spec.factory import AIFactory  # noqa: E402
from sovereign_ai.spec.reader import load  # noqa: E402
from tests.rules import test_described, test_edges  # noqa: E402
from tests.rules.cases import cases  # noqa: E402
from tests.rules.generated import Generator, corpus  # noqa: E402
from tests.rules.mutation import expressions, functions  # noqa: E402

SEED, MADE = 7, 20_000
EQUIVALENT = "equivalent"
KEPT = Path(__file__).parent / "mutation.json"
ROOMS = (access, copies, custody, energy, exceptions, people, residency, supply, transfers, live)
TESTS = [
    str(ROOT / "tests" / "rules" / name)
    for name in ("test_described.py", "test_edges.py", "test_plan_rules.py", "objects/test_live.py")
]


@dataclass(frozen=True)
class Subject:
    """One case of the object rules, ready to be decided.

    Attributes:
        name: the case's name.
        kind: its object's kind.
        context: what an evaluator is given.
        rules: the rules that must refuse it.
    """

    name: str
    kind: str
    context: cel.Context
    rules: frozenset[str]


def subjects(context: Context) -> list[Subject]:
    """Give every case."""
    return [_subject(case.name, case.obj, frozenset(case.rules), context) for case in cases()]


def _subject(name: str, obj: Mapping[str, Any], rules: frozenset[str], context: Context) -> Subject:
    """Make one object ready to be decided."""
    data = to_plain(obj)[0]
    judged = admitted(data, context) if obj["kind"] == "Pod" else data
    return Subject(
        name, obj["kind"], cel.Context({"object": judged, "oldObject": None, "request": {}}), rules
    )


@cache
def program(expression: str, kind: str, context: Context) -> cel.Program | None:
    """Compile one expression for one kind; None where it is none any more."""
    constants = context.constants()
    parts = {name: with_constants(text, constants) for name, text in variables_of(KINDS[kind]).items()}
    try:
        return cel.compile(without_variables(with_constants(expression, constants), parts))
    except Exception:  # noqa: BLE001 - a mutant may be no expression
        return None


def allows(expression: str, subject: Subject, context: Context) -> bool:
    """Tell whether an expression says yes to a case."""
    found = program(expression, subject.kind, context)
    try:
        return found is not None and found.execute(subject.context) is True
    except Exception:  # noqa: BLE001 - what cannot be decided is no yes
        return False


def made(context: Context, objects: Sequence[dict[str, Any]]) -> list[Subject]:
    """Give generated objects, ready to be decided; those that are no objects any more are left out."""
    found = []
    for obj, story in islice(Generator(SEED, corpus(objects), context), MADE):
        with contextlib.suppress(Exception):
            found.append(_subject(story, obj, frozenset(), context))
    return found


def of_objects(context: Context, objects: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Try every mutant of every object rule: its name, and the case that notices."""
    every, generated = subjects(context), made(context, objects)
    for rule in (one for one in REGISTRY if one.checks):
        mine = [subject for subject in every if subject.kind in {kind.name for kind in rule.applies}]
        yield rule.id, _case(rule, dict.fromkeys(rule.checks, "true"), mine, context)
        for number, check in enumerate(rule.checks):
            for mutant in expressions.mutants(check.expression):
                noticed = _case(rule, {check: mutant.expression}, mine, context)
                if not noticed and _is_equivalent(rule, check, mutant.expression, generated, context):
                    noticed = EQUIVALENT
                yield f"{rule.id}[{number}] {mutant}", noticed


def _is_equivalent(
    rule: Rule, check: RuleCheck, changed: str, every: list[Subject], context: Context
) -> bool:
    """Tell whether a changed rule decides every generated object as the rule does."""
    for subject in (one for one in every if one.kind in check.kinds):
        others = [one for one in rule.checks if subject.kind in one.kinds and one is not check]
        if allows(check.expression, subject, context) != allows(changed, subject, context) and all(
            allows(one.expression, subject, context) for one in others
        ):
            return False
    return True


def _case(rule: Rule, changed: Mapping[RuleCheck, str], every: list[Subject], context: Context) -> str:
    """Name the first case that a changed rule decides otherwise; empty where there is none."""
    for subject in every:
        checks = [check for check in rule.checks if subject.kind in check.kinds]
        refused = not all(allows(changed.get(check, check.expression), subject, context) for check in checks)
        if refused != (rule.id in subject.rules):
            return f"tests/rules/cases/{subject.name}"
    return ""


def of_the_rest() -> Iterator[tuple[str, str]]:
    """Try every mutant of the rules in Python: its name, and the test that notices."""
    tables = {"test_described.py": test_described.CASES, "test_edges.py": test_edges.EDGES}
    cases_of = [
        (f"tests/rules/{file} {rule} {what}", rule, changes, field)
        for file, table in tables.items()
        for rule, what, changes, field in table
    ]
    described = [(rule, field, *_planned(changes)) for _, rule, changes, field in cases_of]
    names = [name for name, _, _, _ in cases_of]
    for room in ROOMS:
        for mutant in functions.mutants(room):
            with mutant.planted():
                noticed = (
                    next((name for name, one in zip(names, described, strict=True) if _differs(*one)), "")
                    or _first_failure()
                )
            yield str(mutant), noticed


def _planned(changes: dict[str, Any]) -> tuple[AIFactory, Plan]:
    """Describe and plan."""
    factory = test_described.factory_of(**changes)
    return factory, plan(factory)


def _differs(rule_id: str, field: str, factory: AIFactory, derived: Plan) -> bool:
    """Tell whether a case is decided otherwise than it says."""
    rule = next(one for one in REGISTRY if one.id == rule_id)
    try:
        found = list(
            rule.decide(rule, factory, derived)
            if rule.decide
            else rule.decide_on(rule, factory, derived, test_described.TODAY)
        )  # type: ignore[misc]
        fields = [one.where.field for one in found]
        sound = all(one.where.field and one.message and one.resource for one in found)
    except Exception:  # noqa: BLE001 - a crash is a violation that has no field
        return True
    return not sound or (field not in fields if field else bool(fields))


class _First:
    """Remembers the first test that fails."""

    name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at one report."""
        if report.failed and not self.name:
            self.name = report.nodeid


def _first_failure() -> str:
    """Run the other tests of the rules, and name the first that fails."""
    first = _First()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        arguments = [
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "-k",
            "not denies_at_the_field and not exact_at_its_edges",
            f"--rootdir={ROOT}",
            *TESTS,
        ]
        pytest.main(arguments, plugins=[first])
    return first.name


def numbered(tried: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give what noticed each mutant by its name; those of one name are numbered."""
    counts: Counter[str] = Counter()
    found = {}
    for name, noticed in tried:
        counts[name] += 1
        found[name if counts[name] == 1 else f"{name} ({counts[name]})"] = noticed
    return found


def main() -> None:
    """Try every mutant, print what noticed it, and hold the survivors against the list that is kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write mutation.json anew")
    options = parser.parse_args()
    begun = time.perf_counter()
    factory = load(ROOT / "stacks" / "lab")
    derived = plan(factory)
    context = factory_context(factory, derived, "lab")
    _first_failure()  # once unchanged, so that what is imported late is there
    found = numbered([*of_objects(context, render(factory, derived, "lab").objects), *of_the_rest()])
    equivalent = [name for name, noticed in found.items() if noticed == EQUIVALENT]
    survivors = {name for name, noticed in found.items() if not noticed}
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {"survivors": {}}
    reasons: dict[str, str] = kept["survivors"]
    noticed = len(found) - len(survivors) - len(equivalent)
    score = round(noticed / (len(found) - len(equivalent)), 4)
    head = {"mutants": len(found), "equivalent": len(equivalent), "noticed": noticed, "score": score}
    if options.write:
        listed = {name: reasons.get(name, "?") for name in sorted(survivors)}
        KEPT.write_text(
            json.dumps({**head, "survivors": listed}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    rows = {
        "benchmark": "mutate_rules",
        **head,
        "survivors": sorted(survivors - reasons.keys()),
        "listed_and_noticed": sorted(reasons.keys() - survivors),
        "without_reason": sorted(name for name, reason in reasons.items() if not reason.strip("? ")),
        "seconds": round(time.perf_counter() - begun, 1),
        "noticed_by": found,
    }
    print(json.dumps(rows, indent=2, ensure_ascii=False))
    sys.exit(1 if rows["survivors"] or rows["listed_and_noticed"] or rows["without_reason"] else 0)


if __name__ == "__main__":
    main()

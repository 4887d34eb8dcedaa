"""The page of controls and rules for a compliance reviewer, docs/controls.md.

It has every control with its rules, and every rule with the places where it is decided. It is made from the
registry alone; a test compares docs/controls.md with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sovereign_ai.attest.controls import rules_by_control
from sovereign_ai.rules import PLACES, REGISTRY, Control, decided_share, places_matrix
from sovereign_ai.text import counted

_INTRODUCTION = """\
# Controls and rules

Made from the registry of rules (`sovereign-ai rules --json`); do not edit. To make it anew:
`pytest tests/attest/test_controls_page.py --update-golden`.

A rule serves a control; it never is the control. `held` in a report means that no rule that serves the
control was violated, and no more. The words are ours; the texts are where the sources are. A proposal is
no law, and is marked as one. Severities `warning` and `info` are advice and fail nothing."""


_MOST_LISTED = 8
"""Rules that a cell lists by name."""


def controls_page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_INTRODUCTION, "", *_controls(), *_rules(), *_undecided()])


def _controls() -> Iterator[str]:
    """Yield a table for each framework."""
    groups: dict[str, list[tuple[Control, tuple[str, ...]]]] = {}
    for control, rules in rules_by_control().items():
        groups.setdefault(control.framework, []).append((control, rules))
    total = sum(len(rows) for rows in groups.values())
    yield f"## {counted(total, 'control')} of {counted(len(groups), 'framework')}"
    yield ""
    for framework, rows in groups.items():
        yield f"### {framework}"
        yield ""
        editions = set()
        for control, _ in rows:
            editions.add(_edition(control))
        for edition in sorted(editions):
            # Two blanks at the end break the line in Markdown.
            yield f"Source: {edition}  "
        yield ""
        yield "| Control | In our words | Rules |"
        yield "|---|---|---|"
        for control, rules in rows:
            links = ", ".join(_link(rule) for rule in rules)
            yield f"| {_cell(control.id)} | {_cell(control.summary)} | {links} |"
        yield ""


def _edition(control: Control) -> str:
    """Return the source of a control with its version, date and status."""
    return f"{control.source}, {control.version} ({control.date}; {control.status})"


def _rules() -> Iterator[str]:
    """Yield the matrix of places, and a paragraph for each rule."""
    decided = set()
    for cell in places_matrix():
        if cell.decided:
            decided.add((cell.rule, cell.place))
    objects = sum(bool(rule.checks) for rule in REGISTRY)
    yield f"## {counted(len(REGISTRY), 'rule')}"
    yield ""
    share = f"{decided_share():.1%}"
    yield (
        f"{objects} look at Kubernetes objects, and are decided in {share} of their places; "
        "the rest look at the description,"
    )
    yield "its plan, or all rights of a cluster together."
    yield ""
    yield f"| Rule | Severity | {' | '.join(PLACES)} | What must hold |"
    yield f"|---|---|{':-:|' * len(PLACES)}---|"
    for rule in REGISTRY:
        marks = []
        for place in PLACES:
            mark = "yes" if (rule.id, place) in decided else "-"
            marks.append(mark)
        yield f"| {_link(rule.id)} | {rule.severity} | {' | '.join(marks)} | {_cell(rule.title)} |"
    for rule in REGISTRY:
        yield ""
        yield f"### {rule.id}"
        yield ""
        yield f"**{rule.title}.** {rule.rationale}"
        yield ""
        yield f"To fix: {rule.remediation}."
    yield ""


def _undecided() -> Iterator[str]:
    """Yield a table of the reasons why rules are not decided in a place, each reason once."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell in places_matrix():
        if not cell.decided:
            reasons.setdefault((cell.place, cell.why), []).append(cell.rule)
    yield "## Undecidable here"
    yield ""
    yield "| Place | Why | Rules |"
    yield "|---|---|---|"
    for place in PLACES:
        for (reason_place, why), rules in sorted(reasons.items()):
            if reason_place == place:
                yield f"| {place} | {_cell(why)} | {_listed(rules)} |"
    yield ""


def _listed(rules: Sequence[str]) -> str:
    """Return rules as a list; many as a number with the first and the last."""
    if len(rules) <= _MOST_LISTED:
        return ", ".join(rules)
    return f"{counted(len(rules), 'rule')}, {rules[0]} to {rules[-1]}"


def _link(rule_id: str) -> str:
    """Return a link to a rule's paragraph."""
    return f"[{rule_id}](#{rule_id.lower()})"


def _cell(text: str) -> str:
    """Return text for a cell of a table, where a bar would begin the next one."""
    return text.replace("|", "\\|")

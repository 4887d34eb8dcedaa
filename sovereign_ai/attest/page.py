"""The page that a compliance reviewer reads: every control with its rules, every rule with its places.

It is made from the registry alone; a test holds docs/controls.md to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.attest.controls import served
from sovereign_ai.rules.controls import Control
from sovereign_ai.rules.places import PLACES, places_matrix, share_decided
from sovereign_ai.rules.registry import REGISTRY

_INTRODUCTION = """\
# Controls and rules

Made from the registry of rules (`sovereign-ai rules --json`); do not edit. To make it anew:
`pytest tests/attest/test_page.py --update-golden`.

A rule serves a control; it never is the control. `held` in a report means that no rule that serves the
control was violated, and no more. The words are ours; the texts are where the sources are. A proposal is
no law, and is marked as one. Severities `warning` and `info` are advice and fail nothing."""


def controls_page() -> str:
    """Give the page as Markdown."""
    return "\n".join([_INTRODUCTION, "", *_controls(), *_rules(), *_undecided()])


def _controls() -> Iterator[str]:
    """Write a table for each framework."""
    groups: dict[str, list[tuple[Control, tuple[str, ...]]]] = {}
    for control, rules in served().items():
        groups.setdefault(control.framework, []).append((control, rules))
    yield f"## {sum(map(len, groups.values()))} controls of {len(groups)} frameworks"
    yield ""
    for framework, rows in groups.items():
        editions = sorted({f"{one.source}, {one.version} ({one.date}; {one.status})" for one, _ in rows})
        yield from (f"### {framework}", "", *(f"Source: {edition}  " for edition in editions), "")
        yield from ("| Control | In our words | Rules |", "|---|---|---|")
        yield from (f"| {_cell(one.id)} | {_cell(one.summary)} | {', '.join(_link(rule) for rule in rules)} |" for one, rules in rows)
        yield ""


def _rules() -> Iterator[str]:
    """Write the matrix of places, and a paragraph for each rule."""
    decided = {(cell.rule, cell.place) for cell in places_matrix() if cell.decided}
    objects = sum(bool(rule.checks) for rule in REGISTRY)
    yield f"## {len(REGISTRY)} rules"
    yield ""
    yield f"{objects} look at Kubernetes objects, and are decided in {share_decided():.1%} of their places; the rest look at the description,"
    yield "its plan, or all rights of a cluster together."
    yield ""
    yield f"| Rule | Severity | {' | '.join(PLACES)} | What must hold |"
    yield f"|---|---|{':-:|' * len(PLACES)}---|"
    for rule in REGISTRY:
        cells = " | ".join("yes" if (rule.id, place) in decided else "-" for place in PLACES)
        yield f"| {_link(rule.id)} | {rule.severity} | {cells} | {_cell(rule.title)} |"
    for rule in REGISTRY:
        yield from ("", f"### {rule.id}", "", f"**{rule.title}.** {rule.rationale}", "", f"To mend: {rule.remediation}.")
    yield ""


def _undecided() -> Iterator[str]:
    """Say why rules are not decided in a place, each reason once."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell in places_matrix():
        if not cell.decided:
            reasons.setdefault((cell.place, cell.why), []).append(cell.rule)
    yield from ("## Undecidable here", "", "| Place | Why | Rules |", "|---|---|---|")
    for place in PLACES:
        for (where, why), rules in sorted(reasons.items()):
            if where == place:
                shown = ", ".join(rules) if len(rules) <= 8 else f"{len(rules)} rules, {rules[0]} to {rules[-1]}"
                yield f"| {place} | {_cell(why)} | {shown} |"
    yield ""


def _link(rule_id: str) -> str:
    """Link to a rule's paragraph."""
    return f"[{rule_id}](#{rule_id.lower()})"


def _cell(text: str) -> str:
    """Write text for a cell of a table."""
    return text.replace("|", "\\|")

"""A verdict for a terminal of 80 columns: a line a control, each finding with its remedy, and the count."""

from __future__ import annotations

from textwrap import wrap

from sovereign_ai.attest.controls import control_states
from sovereign_ai.rules import RuleFinding, RuleVerdict
from sovereign_ai.text import counted

WIDTH = 80


def verdict_lines(verdict: RuleVerdict) -> list[str]:
    """Return a line a control, and then the findings as `told` does."""
    controls = []
    for state in control_states(verdict):
        control = str(state)
        controls.append(control)
    return controls + findings_lines(verdict)


def findings_lines(verdict: RuleVerdict) -> list[str]:
    """Return the findings and their count as lines.

    The most important finding is the last, next to the prompt.
    """
    lines: list[str] = []
    for finding in reversed(verdict.findings):
        lines.append("")
        lines += _finding_lines(finding)
    violations, notices = len(verdict.violations), len(verdict.notices)
    counts = [
        counted(violations, "violation"),
        f"{len(verdict.waived)} waived",
        f"{len(verdict.undecidable)} undecidable here",
        counted(notices, "notice"),
    ]
    return [*lines, "", ", ".join(counts)]


def _finding_lines(finding: RuleFinding) -> list[str]:
    """Return one finding as lines: its subject, its place in the user's file, the reason, and the remedy."""
    where = finding.where
    status = f"{finding.status} {finding.waiver}".strip()
    # A finding on the description names the same field as object and as place: once is enough.
    subject = [part for part in (finding.resource, finding.field) if part and part != where.field]
    head = f"{finding.rule} [{status}, {finding.severity}] {': '.join(subject)}"
    lines = [head.rstrip()]
    if where.file or where.field:
        lines.append(f"  {where}")
    lines += _wrapped(finding.message, WIDTH - 4, "    ", "    ")
    # Without a decision there is nothing to remedy.
    if finding.status != "undecidable":
        lines += _wrapped(finding.remediation, WIDTH, "    > ", "      ")
    return lines


def _wrapped(text: str, width: int, first: str, other: str) -> list[str]:
    """Return a text in lines; names and paths are never broken, so that they can be copied.

    Args:
        text: the text.
        width: columns of a line.
        first: the indent of the first line.
        other: the indent of all others.
    """
    return wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=other,
        break_long_words=False,
        break_on_hyphens=False,
    )

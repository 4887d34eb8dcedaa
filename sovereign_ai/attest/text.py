"""A verdict for a terminal of 80 columns: a line a control, then each finding with its remedy, then the count."""

from __future__ import annotations

from textwrap import wrap

from sovereign_ai.attest.controls import states
from sovereign_ai.rules.judge import Finding, Verdict

WIDTH = 80


def text(verdict: Verdict) -> list[str]:
    """Give a line a control, then what was found."""
    return [*(str(one) for one in states(verdict)), *told(verdict)]


def told(verdict: Verdict) -> list[str]:
    """Give the findings and their count; what matters most stands last, next to the prompt."""
    lines: list[str] = []
    for finding in reversed(verdict.findings):
        lines += ["", *_finding(finding)]
    counts = (
        (len(verdict.violations), "violation" if len(verdict.violations) == 1 else "violations"),
        (len(verdict.waived), "waived"),
        (len(verdict.undecidable), "undecidable here"),
        (len(verdict.notices), "notice" if len(verdict.notices) == 1 else "notices"),
    )
    return [*lines, "", ", ".join(f"{number} {noun}" for number, noun in counts)]


def _finding(finding: Finding) -> list[str]:
    """Write one finding: what, where in the user's file, why, and what to do."""
    status = f"{finding.status} {finding.waiver}".strip()
    what = ": ".join(part for part in (finding.resource, finding.field) if part and part != finding.where.field)
    head = f"{finding.rule} [{status}, {finding.severity}] {what}".rstrip()
    place = [f"  {finding.where}"] if finding.where.file or finding.where.field else []
    body = wrap(finding.message, WIDTH - 4, initial_indent="    ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    todo = wrap(
        finding.remediation, WIDTH, initial_indent="    > ", subsequent_indent="      ", break_long_words=False, break_on_hyphens=False
    )
    return [head, *place, *body, *(todo if finding.status != "undecidable" else [])]

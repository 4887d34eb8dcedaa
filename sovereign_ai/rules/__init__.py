"""What may never be: each rule written once, decided wherever it can be, and never in silence.

The room's rules:

* An object rule is a list of CEL expressions; true means allowed. The renderer turns the same text
  into admission policies that `engine.py` evaluates offline. The subset is what both evaluators
  share: no optionals, no functions that only Kubernetes has.
* What an expression knows of the factory stands in a `Context` and is baked in as constants, so
  that nothing a tenant can edit decides anything.
* A plan rule is Python on the typed model and points at the field of the description.
* An error, a crash, an unknown value is a violation that names the rule. Where a rule cannot be
  decided it says `undecidable`, which never counts as a pass.
* Only `judge.py` knows waivers, and it takes the day as an argument.

    from sovereign_ai.rules.check import check

    verdict = check(factory, plan, bundle.objects, now=date(2026, 11, 24))
    verdict.ok, [str(finding) for finding in verdict.violations]
"""

from __future__ import annotations

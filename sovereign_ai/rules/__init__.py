"""Rules on a factory: each is written once, and decided in every place that can decide it.

The room's rules:

* An object rule is a list of CEL expressions; true means allowed. The renderer turns the same text into
admission
  policies, and `engine.py` evaluates it offline. Functions that only Kubernetes has are defined in
  `functions.py`.
* What an expression knows of the factory is in a `Context` and is baked in as constants, so that nothing a
tenant
  can edit decides anything.
* A plan rule is Python on the typed model and points at the field of the description. A live rule is Python
on all
  objects of a running cluster.
* An error, a crash or an unknown value is a violation that names the rule. A rule that a place cannot decide
is
  reported as `undecidable`, which never counts as a pass.
* Only `judge.py` applies waivers, and it takes the day as an argument.
* The texts of a rule are part of the registry's digest, which rendered objects carry: changing one changes
them.

    from sovereign_ai.rules.check import check

    verdict = check(factory, plan, bundle.objects, now=date(2026, 11, 24))
    verdict.ok, [str(finding) for finding in verdict.violations]
"""

from __future__ import annotations

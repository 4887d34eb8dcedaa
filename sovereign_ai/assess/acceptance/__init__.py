"""Acceptance tests of servers, rails, scalable units and sites: their limits, and verdicts on results.

Rules of this package:

* `sheet.sheet(factory, plan)` gives every test with its command, its subjects and its limits. A limit is a
  figure of the plan, or follows from one by a share; each names its source, or is marked as an estimate with
  its range.
* The output of a tool is read by a pure function from text to numbers (`readers`). Unreadable output is no
  result, and a test without a result is `not run`: neither ever counts as passed. A skipped diagnostic was
  not run.
* `judge.judge(sheet, files)` names the planned figure that was missed. A file belongs to a test by its name:
  `train-001.diagnostics.json`, subject and test.

    >>> from sovereign_ai.assess.acceptance.tests import file_name
    >>> file_name("train-001", "collectives")
    'train-001.collectives'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.assess.acceptance.acceptance_sheet import sheet
    from sovereign_ai.assess.acceptance.result_files import results
    from sovereign_ai.assess.acceptance.verdicts import State, judge
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "acceptance_sheet": ("sheet",),
            "result_files": ("results",),
            "verdicts": ("State", "judge"),
        },
    )

__all__ = ["State", "judge", "results", "sheet"]

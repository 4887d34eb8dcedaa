"""What must be shown before a machine, a rail, a scalable unit and a site are accepted, and whether it was.

The room's rules:

* `sheet.sheet(factory, plan)` gives every test with its command, its subjects and its limits. A limit is a figure of the plan,
  or follows from one by a share; each says which, with its source, or that it is an estimate with its range.
* The output of a tool is read by a pure function from text to numbers (`readers`). What cannot be read is no result, and a
  test without a result is `not run`: neither ever counts as passed. A diagnostic that was skipped was not run.
* `judge.judge(sheet, files)` names the planned figure that was missed. A file belongs to a test by its name:
  `train-001.diagnostics.json`, subject and test.

    >>> from sovereign_ai.assess.acceptance.tests import file_name
    >>> file_name("train-001", "collectives")
    'train-001.collectives'
"""

from __future__ import annotations

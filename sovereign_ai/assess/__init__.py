"""What the factory means: pure readings of a description and its plan, as numbers that say where they come from.

The room's rules:

* An assessment is one function, `assess(factory, plan)`, and one frozen noun with `to_data()`. Nothing here reads a clock,
  a network or a cluster; the same description gives the same numbers.
* Every number is a `measure.Measure`: value, unit, range, inputs, formula, and whether a source, the plan, the user or an
  estimate stands behind it. Numbers that hang on others are cells of a `sheet.Sheet`, so that a range reaches every
  number that depends on it, and a figure that the user gives replaces ours everywhere.
* What nobody knows has no value: the measure is open, and says which figure it waits for. No price is invented.

    >>> from sovereign_ai.assess.goodput.exact import best_interval, goodput
    >>> mean, stall, restart = 185.6 * 60, 60.0, 600.0
    >>> interval = best_interval(mean, stall)
    >>> round(interval / 60, 1), round(goodput(interval, mean, stall, restart), 3)
    (18.6, 0.853)
"""

from __future__ import annotations

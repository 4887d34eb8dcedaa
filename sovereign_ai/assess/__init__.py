"""Assessments of a factory: pure functions from a description and its plan to numbers with their sources.

The room's rules:

* An assessment is one function, `assess(factory, plan)`, and one frozen result with `to_data()`. No
  assessment reads a clock, a network or a cluster: the same description gives the same numbers.
* Every number is a `measure.Measure`: value, unit, range, inputs, formula, and its basis: a source, the plan,
  the user or an estimate. Numbers that follow from others are on a `sheet.Sheet`, so that a range reaches
  every number that depends on it, and a figure that the user gives replaces the built-in one everywhere.
* An unknown number has no value: its measure is open and lists the missing figures. No price is invented.

    >>> from sovereign_ai.assess.goodput.exact import best_interval, goodput
    >>> mean, stall, restart = 185.6 * 60, 60.0, 600.0
    >>> interval = best_interval(mean, stall)
    >>> round(interval / 60, 1), round(goodput(interval, mean, stall, restart), 3)
    (18.6, 0.853)
"""

from __future__ import annotations

"""Who can cut the factory off, and who can compel it: the dependency graph, its drills, and the frameworks' criteria.

The room's rules:

* The assessed unit is the service perimeter that the description declares, never a building.
* Every result is a self-assessment and says so. A description is evidence of the lowest grade.
* What is not described is open. An open answer makes a verdict incomplete and never raises it.
* Whatever is found names the fields of the description it follows from; a field that a finding does
  not name cannot change it.
* Names of parts carry no meaning: renaming a site, a pool or a key changes no verdict.
* Tables of frameworks, thresholds and origins are data with source and date; their texts are ours.

    >>> from datetime import date
    >>> from sovereign_ai.assess.sovereignty.criteria import criterion
    >>> [answer.seal for answer in criterion("SOV-3.4").answers]
    [0, 0, 1, 1, 4]

`report.assess(factory, plan, now=date(2026, 11, 24))` is the one way in.
"""

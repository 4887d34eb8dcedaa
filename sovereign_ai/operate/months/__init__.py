"""Months in virtual time: a fleet with faults, the repair core, and jobs with checkpoints.

`fleet.py` has the machines, which `repair/decide.py` repairs as it repairs real ones, `gangs.py` the jobs,
`month.py` one run from a seed, and `comparison.py` many of them, with and without what keeps work going,
beside the assessed goodput. Nothing waits: a month takes as long as its decisions do. The same seed gives the
same month on every computer.
"""

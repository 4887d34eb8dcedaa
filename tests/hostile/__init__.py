"""Hostile input for every reader: what a person, a file or another machine may hand over that is wrong on
purpose.

    python -m tests.hostile                  every case, on as many processes as there are processors
    python -m tests.hostile --reader figures every case of one reader
    python -m tests.hostile --case NAME      one case, with what the program printed

`readers.py` names each reader, with a valid input that must pass; `contents.py`, `fields.py`, `special.py`
and `options.py` derive hostile inputs from the valid one, a class of input each; `judge.py` decides what may
not happen; `runner.py` runs each case in a process of its own, forked from one that has everything imported.
"""

"""Jobs and services on a live cluster: submitted into their tenant's queue, listed, read and cancelled.

`kinds.py` has the kinds of work that a cluster may serve, `submission.py` writes, `observed.py` reads. The
controllers of those kinds run what is submitted; nothing of a job is kept here.
"""

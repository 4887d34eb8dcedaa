"""What runs beside a control plane of ours: the operator, which says whether an exception counts now.

One process under the plane's supervisor, listening on loopback for the API server and the supervisor:

* It answers the questions of admission policies about waivers (`answers.py`). The question brings the
  waiver's facts and the clock is its own, so that an answer rests on nothing that can be stale. While it
  is down, or slow, no exception is let in.
* It opens and closes break-glass access (`keeper.py`): a grant is a record in the plane's own folder,
  with an end (`grants.py`, `records.py`); the operator binds its role while it is open and unbinds it at
  its end, and tells both by an event.

It has the rights to do that and no others: it reads no secret, writes no policy, and may bind the roles of
break-glass access alone.

    python -m sovereign_ai.operate FOLDER PORT
"""

from __future__ import annotations

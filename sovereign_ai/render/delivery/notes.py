"""What somebody must know who has another program than this one write the objects, whichever it is."""

GUARDED = (
    "on a control plane with guarded policies (embedded, kind) the guard refuses every admission "
    "policy but those that `sovereign-ai up` rendered there last: only `up` renews the guard"
)
EITHER = (
    "deliver a cluster by {tool} or by `sovereign-ai up`, not by both: `up` refuses objects that "
    "another program made"
)
"""With the program's name as `tool`."""

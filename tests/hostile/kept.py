"""The files that are kept in the state folder: a sound state, of which a case replaces one file."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

from tests.hostile.case import Prepared

_STATE = Path("state", "sovereign-ai", "pulumi")
_RECORDS = _STATE / "epochs" / "lab" / "lab"
PLACES = {
    "checkpoint": _STATE / ".pulumi" / "stacks" / "lab" / "lab.json",
    "epochs": _RECORDS / "epoch.json",
    "copy": _RECORDS / "copies" / "2.json",
    "owner": _RECORDS / "owner.json",
    "run": _RECORDS / "runs" / "3-4194305-1-abcdef" / "run.json",
    "moved": _RECORDS / "moved.json",
    "pulumi-lock": _STATE / ".pulumi" / "locks" / "organization" / "lab" / "lab" / "a.json",
}
"""Each file of a stack's state that `state check` reads, by what it holds."""
_GONE = 4_194_305
"""The number of no process: Linux gives none above 2^22."""


@cache
def _contents() -> dict[str, bytes]:
    """Return a valid content of each file."""
    from sovereign_ai.deploy.state.checkpoint import digest_of
    from tests.support.small_engine import checkpoint

    states = [checkpoint(number, time=f"2026-01-0{number}T00:00:00Z") for number in (1, 2)]
    epochs = [
        {
            "number": number,
            "digest": digest_of(state),
            "size": len(state),
            "made": f"2026-01-0{number}T00:00:00+00:00",
            "written": f"2026-01-0{number} 00:00:00 UTC",
            "kind": "up",
            "tool": "0.1.0",
            "fence": number,
            "done": True,
        }
        for number, state in enumerate(states, 1)
    ]
    process = {"pid": _GONE, "started": 1, "boot": "a"}
    here = os.uname().nodename
    owner = {
        "user": "u",
        "host": here,
        "verb": "up",
        "since": "today",
        "fence": 2,
        "pulumi_lock": "",
        "run": "",
    }
    lock = {"pid": _GONE, "username": "u", "hostname": here, "timestamp": "2026-01-01T00:00:00Z"}
    records = {
        "epochs": {"format": 1, "project": "lab", "stack": "lab", "epochs": epochs},
        "owner": process | owner,
        "run": {"folder": "/nowhere", "base": "", "verb": "up", "fence": 3, "owner": process},
        "moved": {"home": "/srv/state", "time": "2026-01-01 00:00:00 UTC"},
        "pulumi-lock": lock,
    }
    return {
        "checkpoint": states[1],
        "copy": states[1],
        **{name: json.dumps(record).encode() for name, record in records.items()},
    }


def kept(folder: Path, name: str, *command: str) -> Prepared:
    """Write a stack with its state, and run a command on it; `name` is the file that a case replaces."""
    stack = folder / "stack"
    stack.mkdir()
    (stack / "Pulumi.yaml").write_text("name: lab\nruntime: python\n", encoding="utf-8")
    for one, content in _contents().items():
        # A state that was moved has nothing else to say.
        if one == name or one != "moved":
            file = folder / PLACES[one]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    for path in (folder / "state", *(folder / "state").rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    arguments = (*command, str(stack), "--stack", "lab")
    return Prepared(folder / PLACES[name], arguments, {"XDG_STATE_HOME": str(folder / "state")})

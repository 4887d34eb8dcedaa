"""Record that a stack's state was moved, so that no command starts a second state in the old place."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from sovereign_ai.deploy.state.durable import write_durably
from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.kept_files import content_of
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where


def note_move(files: StackFiles, home: str) -> None:
    """Record the new state home of a stack's state.

    Args:
        files: the stack's files in the old place.
        home: the new state home, as XDG_STATE_HOME names it.

    Raises:
        OSError: the record cannot be written.
    """
    data = {"home": home, "time": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"}
    write_durably(files.moved, orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE))


def moved_to(files: StackFiles) -> str:
    """Return the state home to which a stack was moved; empty if it was not."""
    try:
        content = content_of(files.moved)
        return "" if content is None else str(orjson.loads(content)["home"])
    except (EnvironmentLacksError, ValueError, TypeError, KeyError):
        # A damaged record still proves that the state was moved.
        return "another place"


def require_unmoved(files: StackFiles) -> None:
    """Refuse a stack whose state was moved.

    Raises:
        EnvironmentLacksError: the state was moved.
    """
    if home := moved_to(files):
        hint = f"set XDG_STATE_HOME={home}; to begin a new state here instead, remove the file"
        message = f"the state of the stack {files.stack!r} was moved to {home}"
        raise EnvironmentLacksError(Problem("state-moved", message, Where(str(files.moved)), hint))

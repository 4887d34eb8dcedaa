"""Start the program: `sovereign-ai`, and `python -m sovereign_ai.cli`."""

from __future__ import annotations

import os
import signal


def start() -> None:
    """Load the command line and run it.

    Until it is loaded, a tenth of a second, Ctrl-C ends the process as it ends programs in C: nothing has
    begun, and the place in an import where it came is of no use to anybody.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Plugins of pydantic, which other packages install, only watch what is validated. To look for them reads
    # the metadata of every installed package: a tenth of the time that `validate` takes.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from sovereign_ai.cli.main import run

    run()


if __name__ == "__main__":
    start()

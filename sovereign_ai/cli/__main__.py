"""Start the program: `sovereign-ai`, and `python -m sovereign_ai.cli`."""

from __future__ import annotations

import signal


def start() -> None:
    """Load the command line and run it.

    Until it is loaded, a tenth of a second, Ctrl-C ends the process as it ends programs in C: nothing has
    begun, and the place in an import where it came is of no use to anybody.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from sovereign_ai.cli.main import run

    run()


if __name__ == "__main__":
    start()

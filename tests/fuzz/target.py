"""One fuzzed reader as a process: `python -m tests.fuzz.target READER FOLDER… [libFuzzer's options]`.

It needs atheris on the path; `python -m tests.fuzz` puts it there.
"""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

from tests.fuzz.limits import within_limits

with atheris.instrument_imports(include=["sovereign_ai"]):
    from tests.fuzz.readers import READERS


def main() -> None:
    """Fuzz until an input fails or the time is over; the fuzzer ends the process itself."""
    read = READERS[sys.argv[1]]
    # The first call imports what is imported late, which is no input's fault.
    read(b"")
    atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda raw: within_limits(read, raw))
    atheris.Fuzz()


if __name__ == "__main__":
    main()

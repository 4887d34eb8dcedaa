"""Takes each defence out of a copy of the project, and shows that the attacks against it then succeed.

    python -m tests.attack.mutation [NAME…]

The table `mutation.yaml` says of each defence which text of which file is it, what stands there without it,
and which tests must fail then. The program writes back what it saw; the tests hold the table to the code.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.mutants import main, read

TABLE = Path(__file__).with_name("mutation.yaml")
MUTANTS = read(TABLE)

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], TABLE))

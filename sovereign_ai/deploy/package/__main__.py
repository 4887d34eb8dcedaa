"""Start the component package; run by a language host on this folder."""

import sys
from pathlib import Path

# Python puts this folder first on its path; the project's root belongs there, so that no module here hides
# another's.
sys.path[0] = str(Path(__file__).resolve().parents[3])

from sovereign_ai.deploy.package.service import main  # noqa: E402 - only once the path is right

if __name__ == "__main__":
    main(sys.argv[1:])

"""The definitions of Kueue's objects, installed before Kueue starts, which ends without them.

python -m sovereign_ai.cluster.embedded.queue_definitions FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from sovereign_ai.cluster.api.client import open_cluster
from sovereign_ai.cluster.crds import install_crds
from sovereign_ai.cluster.embedded.queueing import queueing_file
from sovereign_ai.cluster.state import ClusterDir, read_json
from sovereign_ai.errors import SovereignError


def main(folder: Path) -> int:
    """Install the definitions in the cluster of a folder; write errors to standard error."""
    cluster_dir = ClusterDir(folder.name, folder)
    recorded = read_json(queueing_file(cluster_dir)) or {}
    api = open_cluster(cluster_dir.kubeconfig)
    try:
        install_crds(api, Path(recorded["definitions"]))
    except SovereignError as error:
        sys.stderr.writelines(f"{problem.message}\n" for problem in error.problems)
        return 1
    finally:
        api.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

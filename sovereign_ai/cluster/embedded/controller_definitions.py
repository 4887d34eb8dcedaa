"""The definitions of the kinds of Kueue and of other controllers, installed before these start.

python -m sovereign_ai.cluster.embedded.controller_definitions FOLDER

A controller ends, or waits for ever, where the API server does not serve its kinds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sovereign_ai.cluster.api.client import open_cluster
from sovereign_ai.cluster.crds import install_crds
from sovereign_ai.cluster.embedded.queueing import has_queueing, queue_definitions
from sovereign_ai.cluster.embedded.workload_controllers import (
    running_workload_controllers,
    workload_definitions,
)
from sovereign_ai.cluster.embedded.workload_release import claim_definitions
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import SovereignError


def main(folder: Path) -> int:
    """Install the definitions in the cluster of a folder; write errors to standard error."""
    cluster_dir = ClusterDir(folder.name, folder)
    folders = workload_definitions(cluster_dir)
    if has_queueing(cluster_dir):
        folders.append(queue_definitions(cluster_dir))
    api = open_cluster(cluster_dir.kubeconfig)
    try:
        for definitions in folders:
            install_crds(api, definitions)
        claim_definitions(api, running_workload_controllers(cluster_dir))
    except SovereignError as error:
        sys.stderr.writelines(f"{problem.message}\n" for problem in error.problems)
        return 1
    finally:
        api.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

"""The process that serves the kubelets of a cluster's workers; it runs on the host, beside a supervisor.

    python -m sovereign_ai.sim.kubelet.agent FOLDER

`FOLDER/agent.json` says which stack, cluster and kubeconfig, and which machine's folders lie where. Once a
round it looks at injected faults and keeps each worker; it writes `FOLDER/agent-status.json` for whoever waits,
and `FOLDER/metrics/gpus.prom`, in the text format that Prometheus' node exporter collects from files.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.access import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.state import read_json, write_json, write_private
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.sim.allocation import allocation
from sovereign_ai.sim.faults import faults
from sovereign_ai.sim.kubelet.worker import Worker, workers
from sovereign_ai.sim.metrics import Faults, exposition
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.load import load

CONFIG, STATUS, METRICS = "agent.json", "agent-status.json", "metrics/gpus.prom"
_ROUND_SECONDS, _METRICS_SECONDS = 0.5, 5.0
_log = logging.getLogger(__name__)


class Agent:
    """Serves the kubelets of one cluster's workers."""

    def __init__(self, folder: Path, api: Api, factory: AIFactory, cluster: str, folders: dict[str, Path]) -> None:
        """Prepare; nothing is served yet.

        Args:
            folder: where status and metrics go.
            api: the cluster.
            factory: the description.
            cluster: which of the plan's clusters this is.
            folders: machine to its node's folder on the host.

        Raises:
            KeyError: the plan has no such cluster or machine.
        """
        self._folder, self._api, self._factory, self._cluster = folder, api, factory, cluster
        self._plan: Plan = plan(factory)
        self._workers: list[Worker] = workers(api, self._plan, cluster, folders)
        self._faults: Faults = {}
        self._status: dict[str, Any] = {}
        self._metrics_at = 0.0

    def start(self) -> None:
        """Begin to serve.

        Raises:
            EnvironmentLacksError: a socket cannot be listened on.
        """
        (self._folder / METRICS).parent.mkdir(mode=0o700, exist_ok=True)
        for worker in self._workers:
            worker.start()

    def keep(self) -> None:
        """Do one round; what fails is logged and done in the next."""
        try:
            self._faults = faults(self._api, self._factory)
        except (ApiError, UnreachableError) as error:
            _log.warning("faults not read: %s", error)
        for worker in self._workers:
            try:
                worker.keep(self._faults)
            except (ApiError, UnreachableError, EnvironmentLacksError, OSError) as error:
                worker.ready = False
                _log.warning("%s: %s", worker.machine.node.name, error)
        self._report()

    def stop(self) -> None:
        """End what is served."""
        for worker in self._workers:
            worker.stop()

    def _report(self) -> None:
        """Write status and metrics."""
        status = {worker.machine.node.name: worker.ready for worker in self._workers}
        if status != self._status:
            write_json(self._folder / STATUS, {"ready": status})
            self._status = status
        if time.monotonic() - self._metrics_at > _METRICS_SECONDS:
            self._metrics_at = time.monotonic()
            try:
                held = dict(allocation(self._api, self._plan, self._cluster))
            except (ApiError, UnreachableError) as error:
                _log.warning("allocation not read: %s", error)
                return
            held |= {worker.machine.node.name: worker.held.of(worker.machine) for worker in self._workers}
            write_private(self._folder / METRICS, exposition(self._plan, self._cluster, held, self._faults).encode())


def read(folder: Path) -> Agent:
    """Read an agent's configuration.

    Raises:
        EnvironmentLacksError: it is not there or damaged.
        UsageError: the stack is not the one it was started for.
    """
    config = read_json(folder / CONFIG)
    if config is None:
        raise EnvironmentLacksError(Problem("agent-unconfigured", "there is no configuration", Where(file=str(folder / CONFIG))))
    factory = load(Path(config["stack"]))
    if factory.digest != config["digest"]:
        hint = "run `sovereign-ai up` for the stack as it is now"
        raise UsageError(Problem("stack-changed", f"{config['stack']} is not the description that was deployed", hint=hint))
    folders = {name: Path(path) for name, path in config["workers"].items()}
    return Agent(folder, open_cluster(Path(config["kubeconfig"])), factory, config["cluster"], folders)


def main(folder: Path) -> int:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    told = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, told)
    agent = read(folder)
    agent.start()
    try:
        while True:
            agent.keep()
            if signal.sigtimedwait(told, _ROUND_SECONDS) is not None:
                return 0
    finally:
        agent.stop()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

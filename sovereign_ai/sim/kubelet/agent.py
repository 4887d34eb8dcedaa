"""The agent: a process on the host that serves the kubelets of a cluster's workers, and claims for volumes.

    python -m sovereign_ai.sim.kubelet.agent FOLDER

`FOLDER/agent.json` names the stack, the cluster, the kubeconfig and each machine's container. In every round
the agent reads injected faults and serves each worker, anew where its container was restarted. It writes
`FOLDER/agent-status.json` for callers that wait, and `FOLDER/metrics/gpus.prom`, in the text format that
Prometheus' node exporter collects from files.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sovereign_ai.cluster import read_json, write_json
from sovereign_ai.cluster.api import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.kind import init_of
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, plan
from sovereign_ai.sim.allocation import read_holders
from sovereign_ai.sim.faults import faults
from sovereign_ai.sim.kubelet.paths import VOLUMES, KubeletPaths
from sovereign_ai.sim.kubelet.worker import Worker
from sovereign_ai.sim.machine import Machine, machines
from sovereign_ai.sim.metrics import Faults, exposition
from sovereign_ai.sim.provisioner import Provisioner
from sovereign_ai.spec import AIFactory, load
from sovereign_ai.toolchain.container_engine import Docker

CONFIG, STATUS, METRICS = "agent.json", "agent-status.json", "metrics/gpus.prom"
_ROUND_SECONDS, _METRICS_SECONDS = 0.5, 5.0
_LOOK_AGAIN_SECONDS = 2.0
"""Between two lookups of a container that does not run: each asks the container engine."""
_log = logging.getLogger(__name__)


@frozen_dataclass
class Located:
    """A node that runs.

    Attributes:
        node: its folders.
        runs: returns whether its container still runs and was not restarted.
    """

    node: KubeletPaths
    runs: Callable[[], bool]


Locate = Callable[[str], Located | None]
"""Returns a container's node by the container's name; None while it does not run."""


def locate(container: str) -> Located | None:
    """Return a container's node, by the container engine; None while it does not run.

    Raises:
        EnvironmentLacksError: no container engine answers.
    """
    init = init_of(Docker(), container)
    if init is None:
        return None
    return Located(KubeletPaths(Path(f"/proc/{init.pid}/root")), init.runs)


@dataclass(slots=True)
class _WorkerSlot:
    """A machine, the container that plays it, and what serves it now.

    Attributes:
        machine: the machine.
        container: the name of its container.
        located: the container's node; None while it is not served.
        worker: what serves it; None while nothing does.
        look_after: the moment before which its container is not looked up, in seconds of the monotonic clock.
    """

    machine: Machine
    container: str
    located: Located | None = None
    worker: Worker | None = None
    look_after: float = 0.0


class Agent:
    """Serves the kubelets of one cluster's workers."""

    def __init__(
        self,
        folder: Path,
        api: Api,
        factory: AIFactory,
        cluster: str,
        containers: Mapping[str, str],
        find: Locate,
    ) -> None:
        """Prepare; nothing is served yet.

        Args:
            folder: the folder of status and metrics.
            api: the cluster.
            factory: the description.
            cluster: which of the plan's clusters this is.
            containers: machine to its container.
            find: returns a container's node.

        Raises:
            KeyError: the plan has no such cluster or machine.
        """
        self._folder, self._api, self._find = folder, api, find
        self._factory, self._cluster = factory, cluster
        self._plan: Plan = plan(factory)
        known = {machine.node.name: machine for machine in machines(self._plan, cluster)}
        self._seats: list[_WorkerSlot] = []
        for name, container in containers.items():
            seat = _WorkerSlot(known[name], container)
            self._seats.append(seat)
        self._faults: Faults = {}
        self._status: dict[str, Any] = {}
        self._metrics_at = 0.0
        self._provisioner = Provisioner(api, self._plan, cluster, self._volumes, VOLUMES)
        (folder / METRICS).parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self) -> None:
        """Do one round; what fails is logged and done in the next."""
        try:
            self._faults = faults(self._api, self._factory)
        except (ApiError, UnreachableError) as error:
            # The faults of the last round still count.
            _log.warning("faults not read: %s", error)
        for seat in self._seats:
            try:
                self._seat(seat)
                if seat.worker:
                    seat.worker.keep(self._faults)
            except (ApiError, UnreachableError, EnvironmentLacksError, OSError) as error:
                _log.warning("%s: %s", seat.machine.node.name, error)
                if seat.worker:
                    seat.worker.ready = False
        try:
            self._provisioner.keep()
        except Exception as error:  # noqa: BLE001 - an unforeseen claim must not take the GPUs away
            _log.warning("claims not served: %s: %s", type(error).__name__, error)
        self._report()

    def write_metrics(self) -> None:
        """Write the metrics of every machine; those of served machines follow what their kubelets report.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """
        held = dict(read_holders(self._api, self._plan, self._cluster))
        for seat in self._seats:
            if seat.worker:
                held[seat.machine.node.name] = seat.worker.held.of(seat.machine)
        text = exposition(self._plan, self._cluster, held, self._faults)
        write_private(self._folder / METRICS, text.encode())

    def stop(self) -> None:
        """Stop serving."""
        for seat in self._seats:
            if seat.worker:
                seat.worker.stop()
            seat.worker = seat.located = None

    def _volumes(self, name: str) -> Path | None:
        """Return a node's folder of volumes; None while no container plays it."""
        for seat in self._seats:
            if seat.machine.node.name != name:
                continue
            if seat.located and seat.located.runs():
                return seat.located.node.volumes
            return None
        return None

    def _seat(self, seat: _WorkerSlot) -> None:
        """Serve the node that plays a machine now; it is another one after its container was restarted."""
        if seat.located is not None and seat.located.runs():
            return
        if seat.worker:
            seat.worker.stop()
        seat.worker, seat.located = None, None
        if time.monotonic() < seat.look_after:
            return
        seat.look_after = time.monotonic() + _LOOK_AGAIN_SECONDS
        located = self._find(seat.container)
        if located is None:
            return
        located.node.make()
        worker = Worker(self._api, self._plan, seat.machine, located.node)
        worker.start()
        # Only now: a worker that could not start is tried anew in a later round.
        seat.worker, seat.located = worker, located
        _log.info("%s: serving container %s", seat.machine.node.name, seat.container)

    def _report(self) -> None:
        """Write status and metrics."""
        status = {}
        for seat in self._seats:
            is_ready = seat.worker is not None and seat.worker.ready
            status[seat.machine.node.name] = is_ready
        if status != self._status:
            try:
                write_json(self._folder / STATUS, {"ready": status})
                self._status = status
            except OSError as error:
                # A full disk, for one: the next round tries it anew.
                _log.warning("status not written: %s", error)
        if time.monotonic() - self._metrics_at > _METRICS_SECONDS:
            self._metrics_at = time.monotonic()
            try:
                self.write_metrics()
            except (ApiError, UnreachableError, OSError) as error:
                _log.warning("metrics not written: %s", error)


def read(folder: Path) -> Agent:
    """Return an agent by its configuration.

    Raises:
        EnvironmentLacksError: the configuration is not there or damaged.
        UsageError: the stack is not the one it was started for.
    """
    config = read_json(folder / CONFIG)
    if config is None:
        location = Where(file=str(folder / CONFIG))
        raise EnvironmentLacksError(Problem("agent-unconfigured", "there is no configuration", location))
    factory = load(Path(config["stack"]))
    if factory.digest != config["digest"]:
        message = f"{config['stack']} is not the description that was deployed"
        hint = "run `sovereign-ai up` for the stack as it is now"
        raise UsageError(Problem("stack-changed", message, hint=hint))
    api = open_cluster(Path(config["kubeconfig"]))
    return Agent(folder, api, factory, config["cluster"], config["containers"], locate)


def main(folder: Path) -> int:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # Blocked, and waited for between two rounds: a round is never cut off, and `stop` always runs.
    endings = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)
    agent = read(folder)
    try:
        while True:
            agent.keep()
            if signal.sigtimedwait(endings, _ROUND_SECONDS) is not None:
                return 0
    finally:
        agent.stop()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

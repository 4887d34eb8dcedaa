"""The process that serves the kubelets, and the claims for volumes, of a cluster's workers; it runs on the host, beside a supervisor.

    python -m sovereign_ai.sim.kubelet.agent FOLDER

`FOLDER/agent.json` says which stack, cluster and kubeconfig, and which machine is which container. Once a
round it looks at injected faults and keeps each worker, anew where its container was started again; it writes
`FOLDER/agent-status.json` for whoever waits, and `FOLDER/metrics/gpus.prom`, in the text format that
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

from sovereign_ai.cluster.access import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.kind.nodes import init_of
from sovereign_ai.cluster.state import read_json, write_json, write_private
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.sim.allocation import allocation
from sovereign_ai.sim.faults import faults
from sovereign_ai.sim.kubelet.paths import VOLUMES, Node
from sovereign_ai.sim.kubelet.worker import Worker
from sovereign_ai.sim.machine import Machine, machines
from sovereign_ai.sim.metrics import Faults, exposition
from sovereign_ai.sim.provisioner import Provisioner
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.load import load
from sovereign_ai.toolchain.engine.docker import Docker

CONFIG, STATUS, METRICS = "agent.json", "agent-status.json", "metrics/gpus.prom"
_ROUND_SECONDS, _METRICS_SECONDS = 0.5, 5.0
_LOOK_AGAIN_SECONDS = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Located:
    """A node that runs.

    Attributes:
        node: its folders.
        runs: whether it still is the same one.
    """

    node: Node
    runs: Callable[[], bool]


Locate = Callable[[str], Located | None]
"""Finds a container's node by the container's name; None while it does not run."""


def locate(container: str) -> Located | None:
    """Find a container's node through the container engine.

    Raises:
        EnvironmentLacksError: no engine answers.
    """
    init = init_of(Docker(), container)
    return None if init is None else Located(Node(Path(f"/proc/{init.pid}/root")), init.runs)


@dataclass(slots=True)
class _Seat:
    """A machine, the container that plays it, and what serves it now."""

    machine: Machine
    container: str
    located: Located | None = None
    worker: Worker | None = None
    look_after: float = 0.0


class Agent:
    """Serves the kubelets of one cluster's workers."""

    def __init__(self, folder: Path, api: Api, factory: AIFactory, cluster: str, containers: Mapping[str, str], find: Locate) -> None:
        """Prepare; nothing is served yet.

        Args:
            folder: where status and metrics go.
            api: the cluster.
            factory: the description.
            cluster: which of the plan's clusters this is.
            containers: machine to its container.
            find: finds a container's node.

        Raises:
            KeyError: the plan has no such cluster or machine.
        """
        self._folder, self._api, self._factory, self._cluster, self._find = folder, api, factory, cluster, find
        self._plan: Plan = plan(factory)
        known = {machine.node.name: machine for machine in machines(self._plan, cluster)}
        self._seats = [_Seat(known[name], container) for name, container in containers.items()]
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
        except Exception as error:  # noqa: BLE001 - a claim that nobody foresaw must not take the GPUs away
            _log.warning("claims not served: %s: %s", type(error).__name__, error)
        self._report()

    def write_metrics(self) -> None:
        """Write the metrics of every machine, real ones by their kubelets' word.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """
        held = dict(allocation(self._api, self._plan, self._cluster))
        held |= {seat.machine.node.name: seat.worker.held.of(seat.machine) for seat in self._seats if seat.worker}
        write_private(self._folder / METRICS, exposition(self._plan, self._cluster, held, self._faults).encode())

    def stop(self) -> None:
        """End what is served."""
        for seat in self._seats:
            if seat.worker:
                seat.worker.stop()
            seat.worker = seat.located = None

    def _volumes(self, name: str) -> Path | None:
        """Give a machine's folder of volumes; None while no container plays it."""
        located = next((seat.located for seat in self._seats if seat.machine.node.name == name), None)
        return located.node.volumes if located and located.runs() else None

    def _seat(self, seat: _Seat) -> None:
        """See that what serves a machine serves the node that plays it now."""
        if seat.located is not None and seat.located.runs():
            return
        if seat.worker:
            seat.worker.stop()
        seat.worker, seat.located = None, None
        if time.monotonic() < seat.look_after:
            return
        seat.look_after = time.monotonic() + _LOOK_AGAIN_SECONDS
        found = self._find(seat.container)
        if found is None:
            return
        found.node.make()
        worker = Worker(self._api, self._plan, seat.machine, found.node)
        worker.start()
        seat.worker, seat.located = worker, found
        _log.info("%s: serving container %s", seat.machine.node.name, seat.container)

    def _report(self) -> None:
        """Write status and metrics."""
        status = {seat.machine.node.name: seat.worker is not None and seat.worker.ready for seat in self._seats}
        if status != self._status:
            try:
                write_json(self._folder / STATUS, {"ready": status})
                self._status = status
            except OSError as error:  # a full disk: tried again in the next round
                _log.warning("status not written: %s", error)
        if time.monotonic() - self._metrics_at > _METRICS_SECONDS:
            self._metrics_at = time.monotonic()
            try:
                self.write_metrics()
            except (ApiError, UnreachableError, OSError) as error:
                _log.warning("metrics not written: %s", error)


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
    return Agent(folder, open_cluster(Path(config["kubeconfig"])), factory, config["cluster"], config["containers"], locate)


def main(folder: Path) -> int:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    told = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, told)
    agent = read(folder)
    try:
        while True:
            agent.keep()
            if signal.sigtimedwait(told, _ROUND_SECONDS) is not None:
                return 0
    finally:
        agent.stop()


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

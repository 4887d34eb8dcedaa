"""A standing lab whose description is changed, one command each: what a change must show, and what a refused
one must not touch.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.sim.nodes import FAKE, node_objects
from sovereign_ai.sim.slices import slice_objects
from tests.daytwo.edits import Data
from tests.daytwo.probes import Described, probes
from tests.daytwo.table import write_files, written
from tests.daytwo.watcher import History, Watcher, answer, openings
from tests.life import Lab, within

REPORT = Path(__file__).resolve().parents[2] / ".sovereign" / "daytwo.jsonl"
"""What each change took, a line a change; a folder that version control ignores."""
_OUR_REFUSAL = "ValidatingAdmissionPolicy 'sovereign-"
_SECONDS = 900.0
"""How long one command may take; one that hangs is a failure of its own change only."""
_MACHINES = frozenset({"Node", "ResourceSlice"})
_OF_PEOPLE = frozenset({"MultiKueueCluster"})
"""Kinds that are not as described until a person brings something: a worker's kubeconfig."""


@dataclass
class Times:
    """Seconds that each step of a change took."""

    steps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        """Measure a step."""
        began = time.monotonic()
        yield
        self.steps[step] = round(time.monotonic() - began, 2)


class Standing:
    """A lab that stands on a plane, and what it stands at.

    Attributes:
        lab: the lab.
        at: the description that is deployed; None where that is not known.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.at: Data | None = None

    def describe(self, data: Data) -> None:
        """Write the description, and the files beside it."""
        (self.lab.stack / "factory.yaml").write_text(written(data), encoding="utf-8")
        write_files(data, self.lab.stack)

    def goes_to(self, wanted: Data) -> None:
        """Bring the lab to where a change starts from, whatever an earlier one left."""
        if self.at != wanted:
            self.describe(wanted)
            self.at = None
            # What lies between two changes is not what is tried, however much of the lab goes with it.
            self._succeeds("up", "--allow-mass-deletion")
            self.at = wanted

    def changes(self, old: Data, new: Data, times: Times, way: str) -> None:
        """Change the description, deploy it by one command, and see what must be then.

        `verify` finds nothing, a second `up` changes nothing, and while the first one ran nothing was let in
        and nothing was open that neither description permits.
        """
        before, after = Described.of(old), Described.of(new)
        asked = probes(before, after)
        forbidden = tuple(probe for probe in asked if probe.permitted_by == "neither")
        self.describe(new)
        self.at = None
        with (
            History(self.lab.kubeconfig) as history,
            Watcher(self.lab.kubeconfig, forbidden) as watcher,
            times.of(f"{way} up"),
        ):
            done = self._succeeds("up")
        assert done["changes"] or done["restored"] or done.get("simulated"), "the change changed nothing"
        assert watcher.let_in == [], "let in while it was changed"
        assert list(openings(history.events, before, after)) == []
        assert watcher.answers >= watcher.rounds > 0
        assert self._wrongly_answered(asked) == []
        with times.of(f"{way} verify"):
            found = self._verified()
        assert [probe for probe in found["probes"] if probe["status"] == "failed"] == []
        assert self._machines_that_differ(after) == []
        with times.of(f"{way} up again"):
            again = self._succeeds("up")
        assert (again["changes"], again["restored"]) == ({}, [])
        self.at = new

    def _verified(self) -> dict[str, Any]:
        """Run `verify`, which must find nothing but what a person has to bring."""
        done = self.run("verify")
        found: dict[str, Any] = orjson.loads(done.stdout)
        kinds = {each["resource"].partition("/")[0] for each in found["findings"]}
        assert kinds <= _OF_PEOPLE, done.stdout
        assert done.returncode == (1 if kinds else 0), done.stdout + done.stderr
        return found

    def _succeeds(self, verb: str, *more: str) -> dict[str, Any]:
        """Run a command that must succeed; return its document."""
        done = self.run(verb, *more)
        assert done.returncode == 0, done.stdout + done.stderr
        document: dict[str, Any] = orjson.loads(done.stdout)
        return document

    def _wrongly_answered(self, asked: tuple[Any, ...]) -> list[str]:
        """Name the probes that admission does not answer as the new description alone does, as soon as the
        command has ended.
        """
        wrong = []
        for probe in asked:
            why = answer(self.lab.api, probe.obj)
            if probe.permitted_by == "new" and _OUR_REFUSAL in why:
                wrong.append(f"refused: {probe.name}: {why}")
            if probe.permitted_by != "new" and not why:
                wrong.append(f"let in: {probe.name}")
        return wrong

    def _machines_that_differ(self, after: Described) -> list[str]:
        """Name what simulated machines and their devices have that the description does not give them, or
        lack.
        """
        cluster = after.bundle.cluster
        wanted = {node["metadata"]["name"]: node for node in node_objects(after.factory, after.plan, cluster)}
        slices = {
            obj["metadata"]["name"]: obj["spec"]["devices"] for obj in slice_objects(after.plan, cluster)
        }
        differ = []
        for node in self.lab.api.list("v1", "Node", label_selector=f"{KEYS.owner}={OWNER}"):
            name = node["metadata"]["name"]
            if (node["metadata"].get("annotations") or {}).get(FAKE) != "fake":
                continue
            same = all(
                node["status"][part] == wanted[name]["status"][part] for part in ("capacity", "allocatable")
            )
            # KWOK fills in what is left empty, as the version of kube-proxy.
            info = {key: value for key, value in wanted[name]["status"]["nodeInfo"].items() if value}
            same = same and info.items() <= node["status"]["nodeInfo"].items()
            if not same or node["metadata"]["labels"] != wanted[name]["metadata"]["labels"]:
                differ.append(name)
        live = self.lab.api.list(
            "resource.k8s.io/v1", "ResourceSlice", label_selector=f"{KEYS.owner}={OWNER}"
        )
        devices = {obj["metadata"]["name"]: obj["spec"]["devices"] for obj in live}
        return differ + [name for name, listed in devices.items() if listed != slices.get(name)]

    def refuses(self, new: Data, code: str) -> None:
        """Deploy a description that cannot be, and see that it is refused by its code before anything is
        written.
        """
        old = self.at
        before = self.versions()
        assert before
        self.describe(new)
        verb = self.run("up")
        assert verb.returncode not in {0, 4}, verb.stdout + verb.stderr
        document = orjson.loads(verb.stdout)
        codes = {problem["code"] for problem in document["problems"]}
        assert code in codes, document
        assert all(problem["hint"] for problem in document["problems"])
        assert self.versions() == before, "something was written"
        if old is not None:
            self.describe(old)

    def run(self, verb: str, *more: str) -> subprocess.CompletedProcess[str]:
        """Run a command about the stack, and give what it did, whatever its exit code."""
        command = [
            sys.executable,
            "-m",
            "sovereign_ai.cli",
            verb,
            str(self.lab.stack),
            "--cluster",
            self.lab.backend,
            *more,
            "--json",
        ]
        return subprocess.run(
            command, env=self.lab.env, capture_output=True, text=True, check=False, timeout=_SECONDS
        )

    def versions(self) -> dict[str, str]:
        """Return every object of the factory with its resource version.

        Of machines, which report by themselves, what is stated.
        """
        api = self.lab.api
        ours = f"{KEYS.owner}={OWNER}"
        found: dict[str, str] = {}
        for kind in api.kinds():
            if "list" not in kind.verbs:
                continue
            for obj in api.list(kind.api_version, kind.kind, label_selector=ours):
                meta = obj["metadata"]
                name = f"{kind.api_version}/{kind.kind}/{meta.get('namespace', '')}/{meta['name']}"
                found[name] = _stated_of(obj) if kind.kind == "Node" else meta["resourceVersion"]
        return found

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Pulumi itself in the stack's folder, in the environment that `env` gives."""
        env = self.lab.env | self.lab.on_plane("env")["environment"]
        command = ["pulumi", *arguments, "--yes", "--skip-preview", "--non-interactive"]
        return subprocess.run(
            command,
            cwd=self.lab.stack,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )

    def changes_by_pulumi(self, old: Data, new: Data, times: Times, way: str) -> None:
        """Change the description and deploy it by a plain `pulumi up`, which leaves simulated machines as
        they are.
        """
        before, after = Described.of(old), Described.of(new)
        forbidden = tuple(probe for probe in probes(before, after) if probe.permitted_by == "neither")
        self.describe(new)
        self.at = None
        with (
            History(self.lab.kubeconfig) as history,
            Watcher(self.lab.kubeconfig, forbidden) as watcher,
            times.of(f"{way} up"),
        ):
            done = self.pulumi("up")
        assert done.returncode == 0, done.stdout + done.stderr
        assert watcher.let_in == [], "let in while it was changed"
        assert list(openings(history.events, before, after)) == []
        verdict = orjson.loads(self.run("verify", "--no-probes").stdout)
        assert [
            one for one in verdict["findings"] if one["resource"].partition("/")[0] not in _MACHINES
        ] == []
        again = self.pulumi("up", "--expect-no-changes")
        assert again.returncode == 0, again.stdout + again.stderr

    def answers(self) -> bool:
        """Return whether the plane answers; a change that failed may have taken it along."""
        return within(10, lambda: self.lab.api.get("v1", "Namespace", "kube-system") is not None)


def report(name: str, times: Times, base: str) -> None:
    """Write what a change took."""
    REPORT.parent.mkdir(exist_ok=True)
    with REPORT.open("ab") as file:
        file.write(orjson.dumps({"change": name, "base": base, "seconds": times.steps}) + b"\n")


def _stated_of(node: Mapping[str, Any]) -> str:
    """Return what this project states of a node."""
    meta = node["metadata"]
    spec = {key: value for key, value in node["spec"].items() if key in {"providerID", "taints", "podCIDR"}}
    return orjson.dumps([meta["uid"], meta.get("labels"), spec], option=orjson.OPT_SORT_KEYS).decode()

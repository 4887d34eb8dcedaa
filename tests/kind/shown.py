"""What only real machines show, tried on a deployed kind cluster and told line by line: `make kind`.

    python -m tests.kind.shown stacks/lab

A container that asks for a GPU runs with it; the next is refused for want of one; a declared flow
carries a body, and its reverse carries none. Exit 1 names what was otherwise.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.kind.lab import KindLab
from tests.kind.pods import Site, until


class Standing(KindLab):
    """A stack that somebody deployed on a kind cluster, in the user's own state."""

    def __init__(self, stack: Path) -> None:
        self.backend, self.stack = "kind", stack
        self.env = os.environ | {
            "XDG_STATE_HOME": os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        }


def a_container_runs_with_its_gpu(site: Site) -> str:
    """Show the environment of a container that asked for a GPU."""
    pod = site.pod("shown-gpu", _zones(site)[0], "env", gpus=1)
    with site.there(pod):
        said = [line for line in site.said(pod).splitlines() if line.startswith(("NVIDIA_", "CUDA_"))]
    assert any(line.startswith("NVIDIA_VISIBLE_DEVICES=GPU-") for line in said), said
    return "; ".join(said)


def the_next_is_refused_for_want_of_a_gpu(site: Site) -> str:
    """Show what the scheduler says of one more container when all GPUs of a machine are held."""
    zone = _zones(site)[0]
    gpus = next(node.gpus for node in site.plan.nodes if node.name == site.real(zone))
    late = site.pod("shown-late", zone, "env", gpus=1)
    with site.running(site.pod("shown-holder", zone, gpus=gpus)), site.there(late):
        until(lambda: any("Insufficient" in event for event in site.events(late)), lambda: site.events(late))
        return next(event for event in site.events(late) if "Insufficient" in event).partition(",")[0]


def a_declared_flow_carries_a_body_and_its_reverse_none(site: Site) -> str:
    """Show a permitted connection and a forbidden one."""
    source, target, port = next(
        (zone.name, flow.to, flow.ports[0])
        for zone in site.factory.zones
        for flow in zone.allow
        if {zone.name, flow.to} <= set(_zones(site)) and not flow.never and flow.ports
    )
    here, there = (
        site.pod(f"shown-{zone}", zone, "serve", f":{port}", f"body of {zone}") for zone in (source, target)
    )
    with site.running(here, there):
        permitted = site.body(here, f"http://{site.address(there)}:{port}/", 20)
        forbidden = site.body(there, f"http://{site.address(here)}:{port}/", 5)
    assert permitted == f"body of {target}", permitted
    assert forbidden == "", forbidden
    return f"from {source} to {target}, port {port}: {permitted!r}; back: {forbidden!r}"


SHOWS: tuple[tuple[str, Callable[[Site], str]], ...] = (
    ("a container that asked for a GPU ran with it", a_container_runs_with_its_gpu),
    ("the next one is refused for want of a GPU", the_next_is_refused_for_want_of_a_gpu),
    (
        "a permitted connection carries a body, a forbidden one none",
        a_declared_flow_carries_a_body_and_its_reverse_none,
    ),
)


def _zones(site: Site) -> list[str]:
    """Zones that have a real machine, in the plan's order."""
    return list(dict.fromkeys(node.zone for node in site.plan.nodes if node.name in site.machines))


def main(stack: Path) -> int:
    """Show everything; the number of things that were otherwise."""
    site = Site(Standing(stack))
    failed = 0
    for what, show in SHOWS:
        try:
            sys.stdout.write(f"ok  {what}\n    {show(site)}\n")
        except AssertionError as error:
            failed += 1
            sys.stdout.write(f"NO  {what}\n    {error}\n")
    return failed


if __name__ == "__main__":
    raise SystemExit(1 if main(Path(sys.argv[1])) else 0)

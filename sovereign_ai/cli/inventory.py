"""`inventory`: what is racked and recorded, against what was planned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output

Stack = Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Hold what is racked and recorded against the plan.")
    app.add_typer(group, name="inventory")

    @group.command("check", **example("sovereign-ai inventory check stacks/lab --redfish endpoints.yaml"))
    def check(
        stack: Stack,
        redfish: Annotated[Path, typer.Option("--redfish", help="The endpoints file: controllers, account, trusted certificates.")],
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Ask every management controller, read only; exit 1 names what is missing, extra or other than planned."""
        speak("inventory check", as_json, lambda output: _check(output, stack, redfish))

    @group.command("simulate", **example("sovereign-ai inventory simulate stacks/lab -o tree"))
    def simulate(
        stack: Stack,
        out: Annotated[Path, typer.Option("--output", "-o", help="Folder for the tree, which sushy-static serves.")],
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Write the planned machines as a Redfish tree, to try `check` on."""
        speak("inventory simulate", as_json, lambda output: _simulate(output, stack, out))


def _check(output: Output, path: Path, file: Path) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.verify.redfish.compare import compare
    from sovereign_ai.verify.redfish.endpoints import read_endpoints
    from sovereign_ai.verify.redfish.read import read_all

    given, access = read_endpoints(file)
    plan = open_stack(path).plan
    services = given.services(plan)
    output.progress(f"asking {len(services):,} controllers")
    found = compare(plan, *read_all(services, access, output.progress), given)
    lines = []
    for one in found.findings:
        lines += [f"{one.kind} {one.resource}: {one.message}", *(f"  {more}" for more in one.also)]
    lines += [f"unreachable {one.endpoint}{f' ({one.machine})' if one.machine else ''}: {one.reason}" for one in found.unreachable]
    lines += [f"{found.seen:,} machines seen, {found.planned:,} planned; {'all as planned' if found.ok else 'not as planned'}"]
    output.finish(found.to_data(), lines, ExitCode.OK if found.ok else ExitCode.FINDINGS)


def _simulate(output: Output, path: Path, out: Path) -> None:
    import orjson

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.sim.redfish import redfish_tree

    tree = redfish_tree(open_stack(path).plan)
    for place, resource in tree.items():
        file = out / place / "index.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(orjson.dumps(resource, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
    lines = [f"wrote {len(tree):,} resources to {out}; serve them: sushy-static -i 127.0.0.1 -p PORT -m {out} -c CERT -k KEY"]
    output.finish({"folder": str(out), "resources": len(tree)}, lines)

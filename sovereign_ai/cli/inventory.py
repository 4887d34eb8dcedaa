"""`inventory`: compare hardware in racks and in records with the plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployed_target import open_deployed
from sovereign_ai.cli.inventory_adopt import add as add_adopt
from sovereign_ai.cli.inventory_push import add as add_push
from sovereign_ai.cli.options import DescriptionArgument
from sovereign_ai.cli.output import AsJson, Output, indented_json
from sovereign_ai.cli.target import ClusterOption, KubeconfigOption, StackOption
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.errors import SovereignError

_MOST_NODES = 200_000
"""The most files of neighbours that are read from a folder, one for each node; more than any plan has."""


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Compare what is racked and recorded with the plan.")
    app.add_typer(group, name="inventory")

    @group.command("check", **example("sovereign-ai inventory check stacks/lab --redfish endpoints.yaml"))
    def check(
        stack: DescriptionArgument,
        redfish: Annotated[
            Path,
            typer.Option("--redfish", help="The endpoints file: controllers, account, trusted certificates."),
        ],
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Read every management controller.

        Exit 1 names hardware that is missing, extra or not as planned.
        """
        run_command("inventory check", as_json, lambda output: _check(output, stack, redfish))

    @group.command("simulate", **example("sovereign-ai inventory simulate stacks/lab -o tree"))
    def simulate(
        stack: DescriptionArgument,
        out: Annotated[
            Path, typer.Option("--output", "-o", help="Folder for the tree, which sushy-static serves.")
        ],
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Write the planned machines as a Redfish tree, to try `check` on."""
        run_command("inventory simulate", as_json, lambda output: _simulate(output, stack, out), folder=out)

    @group.command("label", **example("sovereign-ai inventory label stacks/lab --lldp neighbours --write"))
    def label(
        stack: DescriptionArgument,
        lldp: Annotated[
            Path,
            typer.Option(
                "--lldp", help="Folder of NODE.json: what `lldpctl -f json0 show neighbors` prints there."
            ),
        ],
        write: Annotated[
            bool,
            typer.Option(
                "--write", help="Put the labels on the cluster's nodes; without it they are printed."
            ),
        ] = False,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Label each node with the place that its cables lead to; exit 1 if cables are not as planned."""
        run_command(
            "inventory label",
            as_json,
            lambda output: _label(output, stack, lldp, write, cluster, kubeconfig, name),
        )

    add_adopt(group)
    add_push(group)


def _check(output: Output, path: Path, file: Path) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.verify.redfish import compare, read_all, read_endpoints

    given, access = read_endpoints(file)
    plan = open_stack(path).plan
    services = given.services(plan)
    output.progress(f"reading {counted(len(services), 'controller')}")
    machines, unreachable = read_all(services, access, output.progress)
    comparison = compare(plan, machines, unreachable, given)
    lines = []
    for finding in comparison.findings:
        lines.append(f"{finding.kind} {finding.resource}: {finding.message}")
        lines += [f"  {detail}" for detail in finding.also]
    for endpoint in comparison.unreachable:
        machine = f" ({endpoint.machine})" if endpoint.machine else ""
        lines.append(f"unreachable {endpoint.endpoint}{machine}: {endpoint.reason}")
    word = "all as planned" if comparison.ok else "not as planned"
    lines.append(f"{counted(comparison.seen, 'machine')} seen, {comparison.planned:,} planned; {word}")
    output.finish(comparison.to_data(), lines, ExitCode.OK if comparison.ok else ExitCode.FINDINGS)


def _simulate(output: Output, path: Path, out: Path) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.render import write
    from sovereign_ai.sim import redfish_tree

    tree = redfish_tree(open_stack(path).plan)

    def files() -> Iterator[tuple[str, bytes]]:
        for location, resource in tree.items():
            # sushy-static serves the file index.json of the folder that a URL names.
            name = str(PurePosixPath(location, "index.json"))
            yield name, f"{indented_json(resource)}\n".encode()

    done = write(out, "inventory simulate", files, output.progress)
    lines = [
        f"wrote {counted(len(tree), 'resource')} to {out}; serve them:",
        f"  sushy-static -i 127.0.0.1 -p PORT -m {out} -c CERT -k KEY",
    ]
    if done.removed:
        lines.append(f"removed {counted(done.removed, 'resource')} of an earlier run")
    output.finish({"folder": str(out), "resources": len(tree), "removed": done.removed}, lines)


def _label(
    output: Output,
    path: Path,
    folder: Path,
    write: bool,
    backend: Backend,
    kubeconfig: Path | None,
    name: str | None,
) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.operate import locate_nodes, write_labels

    stack = open_stack(path)
    placements = locate_nodes(stack.plan, _read_neighbours(folder))
    if write:
        cluster = stack.bundle(name).cluster
        target = open_deployed(stack, cluster, backend, kubeconfig, output.progress)
        placements = write_labels(target.api, placements, progress=output.progress)
    lines = []
    labelled = 0
    for placement in placements:
        lines += [f"{placement.node}: {text}" for text in placement.findings]
        if placement.labels:
            labelled += 1
    code = ExitCode.FINDINGS if lines else ExitCode.OK
    verb = "have" if write else "would have"
    lines.append(f"{labelled:,} of {counted(len(placements), 'node')} {verb} their labels")
    nodes = [placement.to_data() for placement in placements]
    output.finish({"nodes": nodes, "written": write}, lines, code)


def _read_neighbours(folder: Path) -> dict[str, bytes | SovereignError]:
    """Return the contents of each NODE.json in a folder by node.

    A file that cannot be read is that node's problem.

    Raises:
        UsageError: the folder does not exist, or holds no such file.
    """
    from sovereign_ai.errors import Problem, SovereignError, UsageError, Where
    from sovereign_ai.files import NEIGHBOURS, files_in, read

    contents: dict[str, bytes | SovereignError] = {}
    for file in files_in(folder, NEIGHBOURS, _MOST_NODES):
        if file.suffix != ".json":
            continue
        try:
            contents[file.stem] = read(file, NEIGHBOURS)
        except SovereignError as error:
            contents[file.stem] = error
    if not contents:
        message = "the folder holds no NODE.json"
        raise UsageError(Problem("no-neighbours", message, Where(str(folder)), NEIGHBOURS.hint))
    return contents

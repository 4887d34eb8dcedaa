"""`inventory`: what is racked and recorded, against what was planned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.files import save
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import Backend, ClusterOption, KubeconfigOption, StackOption, running

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

    @group.command("label", **example("sovereign-ai inventory label stacks/lab --lldp neighbours --write"))
    def label(
        stack: Stack,
        lldp: Annotated[Path, typer.Option("--lldp", help="Folder of NODE.json: what `lldpctl -f json0 show neighbors` says there.")],
        write: Annotated[bool, typer.Option("--write", help="Put the labels on the cluster's nodes; without it they are printed.")] = False,
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Label each node with the place that its cables lead to; exit 1 where cables are not as planned."""
        speak("inventory label", as_json, lambda output: _label(output, stack, lldp, write, (cluster, kubeconfig, name)))

    @group.command("adopt", **example("sovereign-ai inventory adopt netbox/ --model XE9680=dgx-h100"))
    def adopt(
        folder: Annotated[Path, typer.Argument(help="Folder with NetBox's devices.csv, interfaces.csv and cables.csv.")],
        model: Annotated[
            list[str] | None, typer.Option("--model", metavar="MODEL=SYSTEM", help="What the catalogue calls a model.")
        ] = None,
        site: Annotated[str, typer.Option("--site", metavar="NAME", help="Take this site alone.")] = "",
        out: Annotated[Path | None, typer.Option("--output", "-o", help="File for the part; left out, it is printed.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Read a site that stands into a part of a description; what tables do not say is a question above it."""
        speak("inventory adopt", as_json, lambda output: _adopt(output, folder, model or [], site, out))


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
    from sovereign_ai.render.folder import write
    from sovereign_ai.sim.redfish import redfish_tree

    tree = redfish_tree(open_stack(path).plan)

    def made() -> Iterator[tuple[str, bytes]]:
        for place, resource in tree.items():
            name = str(PurePosixPath(place, "index.json"))
            yield name, orjson.dumps(resource, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"

    done = write(out, "inventory simulate", made, output.progress)
    lines = [f"wrote {len(tree):,} resources to {out}; serve them:", f"  sushy-static -i 127.0.0.1 -p PORT -m {out} -c CERT -k KEY"]
    lines += [f"removed {done.removed:,} resources of an earlier run"] if done.removed else []
    output.finish({"folder": str(out), "resources": len(tree), "removed": done.removed}, lines)


def _label(output: Output, path: Path, folder: Path, write: bool, where: tuple[Backend, Path | None, str | None]) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.operate.labels import place_all
    from sovereign_ai.operate.labels import write as put

    stack = open_stack(path)
    placed = place_all(stack.plan, _texts(folder))
    if write:
        backend, kubeconfig, name = where
        target = running(stack.bundle(name).cluster, backend, kubeconfig)
        placed = put(target.api, placed, progress=output.progress)
    lines = [f"{one.node}: {text}" for one in placed for text in one.findings]
    labelled = sum(bool(one.labels) for one in placed)
    lines += [f"{labelled:,} of {len(placed):,} nodes {'have' if write else 'would have'} their labels"]
    code = ExitCode.FINDINGS if any(one.findings for one in placed) else ExitCode.OK
    output.finish({"nodes": [one.to_data() for one in placed], "written": write}, lines, code)


def _texts(folder: Path) -> dict[str, str]:
    """Read a folder of NODE.json.

    Raises:
        UsageError: there is none, or no such file in it.
    """
    from sovereign_ai.errors import Problem, UsageError

    found = {file.stem: file.read_text(encoding="utf-8", errors="replace") for file in sorted(folder.glob("*.json"))}
    if not found:
        raise UsageError(Problem("no-neighbours", f"{folder} holds no NODE.json", hint="lldpctl -f json0 show neighbors > NODE.json"))
    return found


def _adopt(output: Output, folder: Path, pairs: list[str], site: str, out: Path | None) -> None:
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.spec.adopt.part import adopt
    from sovereign_ai.spec.adopt.tables import read_tables

    models = dict(pair.partition("=")[::2] for pair in pairs)
    if "" in models.values():
        raise UsageError(Problem("bad-model", "a model and its system are written MODEL=SYSTEM", hint="--model XE9680=dgx-h100"))
    part = adopt(read_tables(folder), models, site)
    text = part.to_yaml()
    if out is not None:
        save(out, text)
    data = {"part": part.to_data(), "questions": list(part.questions)}
    output.finish(data, [f"wrote {out}: {len(part.pools)} pools, {len(part.fabrics)} fabrics"] if out else text.splitlines())

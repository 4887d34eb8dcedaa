"""`fabric`: assess the plan's networks, render their configuration, observe their cables, and twin them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument
from sovereign_ai.cli.output import AsJson, Output, table, wrapped
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import merged
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.assess import FabricReport, PlaneLoss
    from sovereign_ai.fabric_twin import Result, Sample
    from sovereign_ai.fabric_twin.infiniband import RunningSubnet
    from sovereign_ai.plan.fabric import FabricPlan

_LONGEST_ADDRESS = 60
"""Characters of a wrong address that an error shows."""
Plane = Annotated[
    str | None,
    typer.Option(
        "--plane",
        metavar="NAME",
        help="One plane only; left out, as many as show what the loss of one plane costs.",
    ),
]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Assess, configure and emulate the networks of a plan.")
    app.add_typer(group, name="fabric")

    @group.command("check", **example("sovereign-ai fabric check stacks/lab"))
    def run_checks(stack: DescriptionArgument = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Show what each plane carries, and what is lost with each part of it.

        Exit 1 if a cable does not reach.
        """
        run_command("fabric check", as_json, lambda output: _check(output, stack))

    @group.command("render", **example("sovereign-ai fabric render stacks/lab -o fabric"))
    def render(
        stack: DescriptionArgument = Path(),
        out: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files.")] = Path("fabric"),
        boot: Annotated[
            str,
            typer.Option(
                "--boot-server",
                metavar="ADDRESS",
                help="IPv4 address from which machines boot; left out, none do.",
            ),
        ] = "",
        dhcp: Annotated[
            str,
            typer.Option(
                "--dhcp-server",
                metavar="ADDRESS",
                help="IPv4 address that SONiC leaf switches relay DHCP to; left out, none do.",
            ),
        ] = "",
        macs: Annotated[
            Path | None,
            typer.Option(
                "--macs", metavar="FILE", help="CSV `machine,mac`: the address each machine boots from."
            ),
        ] = None,
        guids: Annotated[
            Path | None,
            typer.Option(
                "--guids", metavar="FILE", help="CSV `machine,port,guid`: each InfiniBand port's GUID."
            ),
        ] = None,
        exports: Annotated[
            Path | None,
            typer.Option(
                "--netbox-exports",
                metavar="FOLDER",
                help="What NetBox holds, as it exports it: netbox/ then updates that and adds the rest.",
            ),
        ] = None,
        snapshots: Annotated[
            bool,
            typer.Option("--batfish", help="Write a Batfish snapshot of each Ethernet plane too."),
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Write files for switches and other systems.

        These are configuration, cable lists, rack fronts, DHCP, PXE, bare-metal, NetBox and Topograph.
        """
        facts = _SiteFacts(boot, dhcp, macs, guids, exports)
        run_command(
            "fabric render",
            as_json,
            lambda output: _render(output, stack, out, facts, snapshots=snapshots),
            folder=out,
        )

    @group.command("observe", **example("sovereign-ai fabric observe stacks/lab --from seen"))
    def observe(
        stack: DescriptionArgument,
        folder: Annotated[
            Path,
            typer.Option(
                "--from",
                metavar="FOLDER",
                help="NAME.json of lldpctl, tables of iproute2, ibnetdiscover's *.txt.",
            ),
        ],
        plane: Annotated[
            str | None, typer.Option("--plane", metavar="NAME", help="Judge the ports of this plane only.")
        ] = None,
        macs: Annotated[
            Path | None,
            typer.Option("--macs", metavar="FILE", help="CSV `machine,mac`, for MAC and neighbour tables."),
        ] = None,
        every: Annotated[
            bool, typer.Option("--all", help="List every port; left out, only those that are not right.")
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Judge every cable by what its devices report; exit 1 unless all are right.

        A cable is right, swapped, missing, unknown or half seen. 'inventory push --observed' writes it to
        NetBox as the status of its cables.
        """
        run_command(
            "fabric observe",
            as_json,
            lambda output: _observe(output, stack, folder, plane, macs, every=every),
        )

    twin = typer.Typer(
        no_args_is_help=True,
        help="Emulate planes with their real daemons, FRR or OpenSM on ibsim; needs root.",
    )
    group.add_typer(twin, name="twin")

    @twin.command("up", **example("sovereign-ai fabric twin up stacks/lab"))
    def up(
        stack: DescriptionArgument = Path(), plane: Plane = None, as_json: Annotated[bool, AsJson] = False
    ) -> None:
        """Build the twin and leave it running."""
        run_command("fabric twin up", as_json, lambda output: _up(output, stack, plane))

    @twin.command("test", **example("sovereign-ai fabric twin test stacks/lab"))
    def test(
        stack: DescriptionArgument = Path(), plane: Plane = None, as_json: Annotated[bool, AsJson] = False
    ) -> None:
        """Build a twin, test it and remove it; a twin that runs already is tested and left.

        Exit 1 if a check fails.
        """
        run_command("fabric twin test", as_json, lambda output: _test(output, stack, plane))

    @twin.command("down", **example("sovereign-ai fabric twin down stacks/lab"))
    def down(stack: DescriptionArgument = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Remove the twin's processes, namespaces and files; also those that a crash left."""
        run_command("fabric twin down", as_json, lambda output: _down(output, stack))


def _check(output: Output, path: Path) -> None:
    from sovereign_ai.assess import assess_fabrics, lengths, plane_losses
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode

    stack = open_stack(path)
    reports = assess_fabrics(stack.plan)
    cabling = {plane.plane: plane for plane in lengths(stack.factory, stack.plan)}
    losses = {loss.plane: loss for loss in plane_losses(stack.plan, reports)}
    planned = {plane.name: plane for plane in stack.plan.fabrics}
    lines: list[str] = []
    planes = []
    is_too_short = False
    for report in reports:
        plane_cabling, loss = cabling[report.plane], losses[report.plane]
        if lines:
            lines.append("")
        lines += _plane_lines(report, plane_cabling.text)
        if loss.planes > 1:
            lines += _loss_lines(loss)
        misfit = _tree_misfit(planned[report.plane])
        if misfit:
            lines += wrapped(f"note: {_TREE_NOTE.format(why=misfit)}", "  ")
        lines.append("")
        lines += _failure_table(report)
        cables = {"cabling": plane_cabling.to_data(), "lost": loss.to_data()}
        if report.kind == "infiniband":
            cables["routing"] = {"engine": "updn" if misfit else "ftree", "why": misfit}
        planes.append(merged(report.to_data(), cables))
        # None means that no length is known, which is no finding.
        if plane_cabling.holds is False:
            is_too_short = True
    output.finish({"planes": planes}, lines, ExitCode.FINDINGS if is_too_short else ExitCode.OK)


_TREE_NOTE = (
    "no fat tree to OpenSM's 'ftree': {why}. The rendered opensm.conf routes it by 'updn', free of deadlock"
    " and less evenly spread; fill the last pod, choose counts that divide, or give OpenSM the GUIDs of the"
    " uppermost switches as 'root_guid_file'"
)


def _tree_misfit(plane: FabricPlan) -> str:
    """Return why OpenSM does not take an InfiniBand plane for a fat tree; empty where it does."""
    from sovereign_ai.plan.fabric import fat_tree_misfit

    # One switch, or a pair without spines, is routed alike by every engine.
    return fat_tree_misfit(plane) if plane.kind == "infiniband" and plane.tiers > 1 else ""


def _plane_lines(report: FabricReport, cabling: str) -> list[str]:
    """Return a fabric plane in a few lines: its parts, bandwidth, rails and cables."""
    from sovereign_ai.units import BitsPerSecond

    names = {"border": "border leaf" if report.switches.get("border") == 1 else "border leaves"}
    switches = [f"{count:,} {names.get(tier, tier)}" for tier, count in report.switches.items() if count]
    cables = sum(report.cables.values())
    head = f"{report.plane}: {report.kind}, {counted(report.endpoints, 'endpoint')}"
    to_outside = report.cables.get("outside", 0)
    ends = f", {to_outside:,} of them to the outside" if to_outside else ""
    lines = wrapped(f"{head}, {', '.join(switches)}, {counted(cables, 'cable')}{ends}")
    bisection = BitsPerSecond(report.bisection)
    lines.append(f"  bisection {bisection}, oversubscription {report.oversubscription}")
    below, above = min(report.rails)
    from_machines = f"{BitsPerSecond(below)} from machines"
    to_spines = f"{BitsPerSecond(above)} to spines"
    rails = counted(len(report.rails), "rail")
    lines += wrapped(f"{rails}, the least {from_machines} and {to_spines}", "  ")
    lines += wrapped(f"cables {cabling}", "  ")
    return lines


def _loss_lines(loss: PlaneLoss) -> list[str]:
    """Return in a few lines what the loss of one of several planes costs."""
    share = f"{loss.share} of {loss.fabric}'s bisection stays without it"
    hosts = f"{loss.dark:,} of {counted(loss.nodes, 'host')} lose every port of it"
    return wrapped(f"one of {counted(loss.planes, 'plane')}: {share}; {hosts}", "  ")


def _failure_table(report: FabricReport) -> list[str]:
    """Return a table of the parts of a fabric plane: what is lost if one of them fails."""
    rows = []
    for loss in report.losses:
        share = f"{float(loss.share):.4%}"
        row = [loss.kind, f"{loss.parts:,}", f"{loss.endpoints:,}", f"{loss.gpus:,}", share]
        if loss.outside is not None:
            row.append(f"{loss.outside:,}")
        rows.append(row)
    head = ["if this fails", "of", "ports lost", "GPUs", "bisection left"]
    if any(loss.outside is not None for loss in report.losses):
        head.append("to the outside")
    return [f"  {line}" for line in table(head, rows)]


def _observe(
    output: Output, path: Path, folder: Path, plane: str | None, macs: Path | None, *, every: bool
) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.operate import observe
    from sovereign_ai.render.interop import read_macs

    stack = open_stack(path)
    known_macs = read_macs(macs, stack.plan) if macs else {}
    observation = observe(stack.factory, stack.plan, folder, plane, known_macs)
    data = observation.to_data(every=every)
    lines = list(observation.lines(every=every))
    output.finish(data, lines, ExitCode.OK if observation.ok else ExitCode.FINDINGS)


@frozen_dataclass
class _SiteFacts:
    """Facts that only the site knows.

    Attributes:
        boot: address of the boot server, as the user wrote it; empty for none.
        dhcp: address of the DHCP server, as the user wrote it; empty for none.
        macs: file with the MAC addresses of the delivered machines.
        guids: file with the GUIDs of the delivered InfiniBand ports.
        exports: folder with NetBox's exports.
    """

    boot: str
    dhcp: str
    macs: Path | None
    guids: Path | None
    exports: Path | None


def _address(text: str, option: str) -> str:
    """Return the IPv4 address of an option in its canonical form; empty for an empty text.

    Raises:
        UsageError: it is no IPv4 address.
    """
    from ipaddress import AddressValueError, IPv4Address

    from sovereign_ai.errors import Problem, UsageError

    try:
        return str(IPv4Address(text)) if text else ""
    except AddressValueError:
        message = f"{option}: {text[:_LONGEST_ADDRESS]!r} is no IPv4 address"
        raise UsageError(Problem("bad-address", message, hint="write it as 10.0.0.5")) from None


def _render(output: Output, path: Path, out: Path, facts: _SiteFacts, *, snapshots: bool) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.render import write
    from sovereign_ai.render.interop import (
        DeliveredFacts,
        files,
        read_guids,
        read_macs,
        read_netbox_exports,
    )

    # Options are checked before the stack is planned, which takes longer.
    boot, dhcp = _address(facts.boot, "--boot-server"), _address(facts.dhcp, "--dhcp-server")
    exports = read_netbox_exports(facts.exports) if facts.exports else {}
    stack = open_stack(path)
    macs = read_macs(facts.macs, stack.plan) if facts.macs else {}
    guids = read_guids(facts.guids, stack.plan) if facts.guids else {}
    known = DeliveredFacts(macs=macs, guids=guids, boot=boot, dhcp=dhcp, netbox=exports)

    def contents() -> Iterator[tuple[str, bytes]]:
        for name, text in files(stack.factory, stack.plan, known, snapshots=snapshots):
            yield name, text.encode()

    done = write(out, "fabric render", contents, output.progress)
    lines = [f"wrote {counted(done.files, 'file')} to {out}"]
    if done.removed:
        lines.append(f"removed {counted(done.removed, 'file')} of an earlier run")
    if macs:
        lines.append(f"{len(macs):,} MAC addresses from the table")
    if guids:
        lines.append(f"{counted(len(guids), 'GUID')} from the table")
    objects = 0
    for numbers in exports.values():
        objects += len(numbers)
    if exports:
        lines += wrapped(
            f"{counted(objects, 'object')} of NetBox's exports; netbox/ says what to update and add"
        )
    data = {
        "folder": str(out),
        "files": done.files,
        "bytes": done.size,
        "removed": done.removed,
        "macs": len(macs),
        "guids": len(guids),
        "netbox_objects": objects,
    }
    output.finish(data, lines)


def _sample(path: Path, plane: str | None) -> tuple[Sample, Any]:
    """Return the part of the plan that a twin is built of, and what the plan predicts for it."""
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.fabric_twin import choose_sample, predict

    stack = open_stack(path)
    twin_sample = choose_sample(stack.factory, stack.plan, plane)
    return twin_sample, predict(twin_sample, stack.plan)


def _infiniband(path: Path, plane: str | None) -> tuple[RunningSubnet, FabricReport] | None:
    """Return the twin of an InfiniBand plane and what the plan predicts for it; None for an Ethernet plane.

    Without a name, an InfiniBand plane is chosen only where the plan has no RoCE plane, which the Ethernet
    twin models.
    """
    from sovereign_ai.assess import assess_fabrics
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.fabric_twin.infiniband import RunningSubnet, net

    stack = open_stack(path)
    has_roce = any(fabric.kind == "roce" for fabric in stack.plan.fabrics)
    if plane is None and has_roce:
        return None
    for fabric in stack.plan.fabrics:
        if fabric.kind == "infiniband" and plane in (None, fabric.name):
            break
    else:
        return None
    report = next(report for report in assess_fabrics(stack.plan) if report.plane == fabric.name)
    return RunningSubnet.of(net(stack.factory, stack.plan, fabric)), report


def _up(output: Output, path: Path, plane: str | None) -> None:
    from sovereign_ai.deploy.hosts import configure_twin
    from sovereign_ai.fabric_twin import Twin, require_frr

    infiniband = _infiniband(path, plane)
    if infiniband is not None:
        _up_infiniband(output, infiniband[0])
        return
    require_frr()
    sample, _ = _sample(path, plane)
    output.progress(sample.summary)
    twin = Twin.up(sample, output.progress, configure_twin)
    data = {
        "planes": sample.planes,
        "sample": sample.summary,
        "prefix": twin.prefix,
        "folder": str(twin.folder),
        "seconds": twin.seconds,
    }
    seconds = twin.seconds["converged"]
    line = f"converged in {seconds:.1f} s; namespaces {twin.prefix}<device>"
    output.finish(data, [sample.summary, line])


def _up_infiniband(output: Output, subnet: RunningSubnet) -> None:
    """Build an InfiniBand twin and leave it running."""
    output.progress(subnet.net.summary)
    subnet.up(output.progress)
    data = {
        "planes": [subnet.net.plane.name],
        "sample": subnet.net.summary,
        "prefix": subnet.namespace,
        "folder": str(subnet.folder),
        "seconds": subnet.seconds,
    }
    seconds = subnet.seconds["subnet up"]
    line = f"SUBNET UP in {seconds:.1f} s; namespace {subnet.namespace}"
    output.finish(data, [subnet.net.summary, line])


def _test(output: Output, path: Path, plane: str | None) -> None:
    infiniband = _infiniband(path, plane)
    if infiniband is not None:
        _test_infiniband(output, *infiniband)
        return
    from sovereign_ai.deploy.hosts import configure_twin
    from sovereign_ai.fabric_twin import Twin, require_frr, run_checks
    from sovereign_ai.fabric_twin import down as remove

    require_frr()
    sample, prediction = _sample(path, plane)
    output.progress(sample.summary)
    is_running = Twin.of_sample(sample).is_deployed
    try:
        twin = Twin.of_sample(sample) if is_running else Twin.up(sample, output.progress, configure_twin)
        results = _collect(output, run_checks(twin, prediction))
    finally:
        # A twin that the user built stays; one that was built for the test goes, after an error too.
        if not is_running:
            remove(sample.factory)
    _report_results(output, sample.summary, list(sample.planes), twin.seconds, results)


def _test_infiniband(output: Output, subnet: RunningSubnet, report: FabricReport) -> None:
    """Test an InfiniBand twin; a twin that runs already is tested and left."""
    from sovereign_ai.fabric_twin import down as remove
    from sovereign_ai.fabric_twin.infiniband import require_ibsim, run_checks

    require_ibsim()
    output.progress(subnet.net.summary)
    is_running = subnet.running
    try:
        if not is_running:
            subnet.up(output.progress)
        results = _collect(output, run_checks(subnet, report))
    finally:
        if not is_running:
            remove(subnet.net.factory)
    _report_results(output, subnet.net.summary, [subnet.net.plane.name], subnet.seconds, results)


def _collect(output: Output, checks: Iterable[Result]) -> list[Result]:
    """Run the checks of a twin, which run as they are iterated, and report each as progress."""
    results = []
    for result in checks:
        output.progress(f"{result}: {'as expected' if result.passed else 'WRONG'}")
        results.append(result)
    return results


def _report_results(
    output: Output, sample: str, planes: list[str], seconds: dict[str, float], results: list[Result]
) -> None:
    """Report the results of a twin's checks; exit 1 if one failed."""
    from sovereign_ai.errors import ExitCode

    lines = [sample]
    code = ExitCode.OK
    for result in results:
        word = "ok   " if result.passed else "WRONG"
        lines.append(f"{word} {result}: {result.message}")
        if not result.passed:
            code = ExitCode.FINDINGS
    data = {
        "planes": planes,
        "sample": sample,
        "seconds": seconds,
        "results": [result.to_data() for result in results],
    }
    output.finish(data, lines, code)


def _down(output: Output, path: Path) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.fabric_twin import down

    removed = down(open_stack(path).factory.name)
    processes_text = counted(removed["processes"], "process", "processes")
    files_text = counted(removed["files"], "file")
    counts = f"{processes_text}, {counted(removed['namespaces'], 'namespace')} and {files_text}"
    output.finish(removed, [f"removed {counts}"])

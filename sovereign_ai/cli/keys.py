"""`keys`: encryption keys of an embedded control plane in a PKCS#11 module, one for each trust level."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.attempts import Attempts
from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.completion import complete_key, complete_level
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, next_line, table, wrapped
from sovereign_ai.cli.target import StackOption
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.cluster import ClusterDir
    from sovereign_ai.cluster.keys import KeyState, ReencryptedObjects

Level = Annotated[str, typer.Argument(help="A trust level, such as `high`.", autocompletion=complete_level)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Make, rotate, withdraw and restore a control plane's keys."
    )
    app.add_typer(group, name="keys")
    _add_init(group)
    _add_upkeep(group)
    _add_access(group)


def _add_init(group: typer.Typer) -> None:
    @group.command(
        "init",
        **example(
            "sovereign-ai keys init stacks/lab --module /usr/lib/softhsm/libsofthsm2.so "
            "--token lab --pin-file pin"
        ),
    )
    def init(
        stack: StackArgument,
        module: Annotated[Path, typer.Option("--module", help="The PKCS#11 module's shared library.")],
        token: Annotated[str, typer.Option("--token", metavar="LABEL", help="Label of the token in it.")],
        pin_file: Annotated[Path, typer.Option("--pin-file", help="File of mode 0600 that holds the PIN.")],
        environment: Annotated[
            list[str] | None,
            typer.Option("--env", metavar="NAME=PATH", help="A variable that the module itself reads."),
        ] = None,
        name: StackOption = None,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Make a control plane's keys in a module; restart it with them, and re-encrypt its secrets."""

        def work(output: Output) -> None:
            _init(output, stack, name, module, token, pin_file, environment or [], dry_run)

        run_command("keys init", as_json, work)


def _add_upkeep(group: typer.Typer) -> None:
    @group.command("status", **example("sovereign-ai keys status stacks/lab"))
    def status(
        stack: StackArgument, name: StackOption = None, as_json: Annotated[bool, AsJson] = False
    ) -> None:
        """Show each key's versions and what they encrypt; exit 1 if one is withdrawn or is not the newest.

        Values that are encrypted under an older version, or under none, count as behind.
        """
        run_command("keys status", as_json, lambda output: _status(output, stack, name))

    @group.command("rotate", **example("sovereign-ai keys rotate stacks/lab high"))
    def rotate(
        stack: StackArgument,
        key: Annotated[str, typer.Argument(help="A trust level, or `plane`.", autocompletion=complete_key)],
        name: StackOption = None,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Make a new version of a key; values that were written before stay readable."""
        run_command("keys rotate", as_json, lambda output: _rotate(output, stack, name, key, dry_run))

    @group.command("reencrypt", **example("sovereign-ai keys reencrypt stacks/lab"))
    def reencrypt(
        stack: StackArgument,
        name: StackOption = None,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Re-encrypt what is under an older version, and drop the old values from etcd.

        Exit 1 if any is left.
        """
        run_command("keys reencrypt", as_json, lambda output: _reencrypt(output, stack, name, dry_run))


def _add_access(group: typer.Typer) -> None:
    @group.command("revoke", **example("sovereign-ai keys revoke stacks/lab high"))
    def revoke(
        stack: StackArgument,
        level: Level,
        name: StackOption = None,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Withdraw a trust level's key: its secrets become unreadable, and nothing else does."""
        run_command(
            "keys revoke",
            as_json,
            lambda output: _set_access(output, stack, name, level, dry_run, readable=False),
        )

    @group.command("restore", **example("sovereign-ai keys restore stacks/lab high"))
    def restore(
        stack: StackArgument,
        level: Level,
        name: StackOption = None,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Restore a withdrawn key: its secrets become readable once more."""
        run_command(
            "keys restore",
            as_json,
            lambda output: _set_access(output, stack, name, level, dry_run, readable=True),
        )


def _cluster_dir(
    path: Path, name: str | None, *, may_be_new: bool = False
) -> tuple[ClusterDir, dict[str, str]]:
    """Return the state folder of a stack's control plane, and the trust level of each of its namespaces.

    Raises:
        EnvironmentLacksError: it is no embedded control plane.
    """
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster import cluster_dir_of
    from sovereign_ai.cluster.backends import local_control_planes
    from sovereign_ai.cluster.keys import levels_of
    from sovereign_ai.errors import EnvironmentLacksError, Problem

    stack = open_stack(path)
    cluster = stack.cluster(name)
    cluster_dir = cluster_dir_of(cluster)
    others = [plane.backend for plane in local_control_planes(cluster) if plane.cluster_dir.folder.exists()]
    if not cluster_dir.folder.exists() and (others or not may_be_new):
        kind = f", and {cluster!r} is a control plane of the kind `{others[0]}`" if others else ""
        message = f"there is no embedded control plane {cluster!r} whose keys could be in a module{kind}"
        hint = (
            "start one with `sovereign-ai up STACK`; on any other cluster, encryption at rest is set "
            "by whoever runs its API server (`--encryption-provider-config`)"
        )
        raise EnvironmentLacksError(Problem("no-embedded-plane", message, hint=hint))
    return cluster_dir, levels_of(stack.factory, stack.plan.cluster(cluster))


def _init(
    output: Output,
    path: Path,
    name: str | None,
    library: Path,
    token: str,
    pin_file: Path,
    environment: list[str],
    dry_run: bool,
) -> None:
    from sovereign_ai.cluster.embedded import down, up
    from sovereign_ai.cluster.keys import create_keys, module_location, reencrypt_objects

    cluster_dir, levels = _cluster_dir(path, name, may_be_new=True)
    cluster = cluster_dir.name
    module = module_location(library, token, pin_file, environment)
    # `plane` is the key of everything that belongs to no tenant.
    keys = ["plane", *sorted(set(levels.values()))]
    data: dict[str, object] = {"cluster": cluster, "keys": keys, "dry_run": dry_run}
    if dry_run:
        action = f"make the keys {', '.join(keys)} in token {module.token!r}, and restart"
        output.finish(data, [f"{cluster}: would {action}"])
        return
    create_keys(cluster_dir, module, levels)
    # The API server reads its encryption configuration only when it starts.
    down(cluster, keep_data=True)
    up(cluster, progress=output.progress)
    # What etcd holds from before is not encrypted until it is written once more.
    written = reencrypt_objects(cluster_dir, output.progress)
    line = (
        f"{cluster}: keys {', '.join(keys)} in token {module.token!r};"
        f" {counted(written.count, 'value')} re-encrypted under them"
    )
    _finish_written(output, data, path, name, wrapped(line), written)


def _status(output: Output, path: Path, name: str | None) -> None:
    from sovereign_ai.cluster.keys import key_states
    from sovereign_ai.errors import ExitCode

    cluster_dir, _ = _cluster_dir(path, name)
    states = key_states(cluster_dir)
    code = ExitCode.OK
    rows = []
    for state in states:
        if not state.usable or state.behind:
            code = ExitCode.FINDINGS
        word = "usable" if state.usable else "withdrawn"
        rows.append((state.key, _newest_version(state), word, sum(state.stored.values()), state.behind))
    data = {"cluster": cluster_dir.name, "keys": [state.to_data() for state in states]}
    output.finish(data, table(["key", "newest", "state", "stored", "behind"], rows), code)


def _newest_version(state: KeyState) -> str:
    return f"v{state.versions[-1].number}" if state.versions else "none"


def _rotate(output: Output, path: Path, name: str | None, key: str, dry_run: bool) -> None:
    from sovereign_ai.cluster.keys import read_custody, rotate

    cluster_dir, _ = _cluster_dir(path, name)
    read_custody(cluster_dir).require_level(key)
    data: dict[str, object] = {"cluster": cluster_dir.name, "key": key, "dry_run": dry_run}
    if dry_run:
        output.finish(data, [f"{key}: would make a new version"])
        return
    number = rotate(cluster_dir, key, output.progress)
    lines = [
        f"{key}: new values are encrypted under version {number}",
        next_line("keys", "reencrypt", path, *_named(name)),
    ]
    output.finish({**data, "version": number}, lines)


def _reencrypt(output: Output, path: Path, name: str | None, dry_run: bool) -> None:
    from sovereign_ai.cluster.keys import key_states, reencrypt_objects

    cluster_dir, _ = _cluster_dir(path, name)
    if dry_run:
        behind = {state.key: state.behind for state in key_states(cluster_dir)}
        lines = []
        for key, number in behind.items():
            values_text = counted(number, "value is", "values are")
            lines.append(f"{key}: {values_text} under an older version, or under none")
        output.finish({"cluster": cluster_dir.name, "behind": behind, "dry_run": True}, lines)
        return
    attempts = Attempts(output)
    # What is under the newest version already is not written again.
    written = attempts.until_done(partial(reencrypt_objects, cluster_dir, output.progress))
    data: dict[str, object] = {"cluster": cluster_dir.name, "dry_run": False, **attempts.data}
    line = f"{cluster_dir.name}: {counted(written.count, 'value')} re-encrypted"
    _finish_written(output, data, path, name, [line, *attempts.lines], written)


def _named(name: str | None) -> list[str]:
    """Return the option that names the same stack in another command."""
    return ["--stack", name] if name else []


def _finish_written(
    output: Output,
    data: dict[str, object],
    path: Path,
    name: str | None,
    lines: list[str],
    written: ReencryptedObjects,
) -> None:
    """Report what was re-encrypted and what is left; exit 1 if something is left."""
    from sovereign_ai.errors import ExitCode

    left = [f"{value.kind} {value.namespace}/{value.name}" for value in written.left]
    if left:
        values_text = counted(len(left), "value is", "values are")
        lines.append(f"{values_text} still under an older version, or under none:")
        lines += [f"  {name}" for name in left]
        # A withdrawn key decrypts nothing, so its values cannot be written under the new version.
        lines += ["what is under a withdrawn key is re-encrypted once the key is restored"]
        lines += [next_line("keys", "status", path, *_named(name))]
    code = ExitCode.FINDINGS if left else ExitCode.OK
    output.finish({**data, "written": written.count, "left": left}, lines, code)


def _set_access(
    output: Output, path: Path, name: str | None, level: str, dry_run: bool, *, readable: bool
) -> None:
    """Withdraw or restore the key of a trust level."""
    from sovereign_ai.cluster.keys import key_states, read_custody, restore, withdraw

    cluster_dir, levels = _cluster_dir(path, name)
    read_custody(cluster_dir).require_level(level)
    namespaces = sorted(namespace for namespace in levels if levels[namespace] == level)
    data: dict[str, object] = {
        "cluster": cluster_dir.name,
        "level": level,
        "namespaces": namespaces,
        "dry_run": dry_run,
    }
    attempts = Attempts(output)
    if dry_run:
        state = next(state for state in key_states(cluster_dir) if state.key == level)
        count = sum(state.stored.values())
        verb = "would become"
    else:
        change = restore if readable else withdraw
        count = attempts.until_done(partial(change, cluster_dir, level, output.progress))
        verb = "are"
    word = "readable" if readable else "unreadable"
    line = f"{level}: {counted(count, 'secret')} in {', '.join(namespaces)} {verb} {word}"
    output.finish({**data, "secrets": count, **attempts.data}, [*wrapped(line), *attempts.lines])

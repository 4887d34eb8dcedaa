"""`keys`: a plane's keys in a PKCS#11 module, one for each trust level."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output, table
from sovereign_ai.cli.target import StackOption

if TYPE_CHECKING:
    from sovereign_ai.cluster.keys.again import Written
    from sovereign_ai.cluster.keys.control import KeyState
    from sovereign_ai.cluster.state import Place

StackPath = Annotated[Path, typer.Argument(help="The stack's folder.")]
Level = Annotated[str, typer.Argument(help="A trust level, such as `high`.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Keep, rotate, withdraw and give back an embedded plane's keys.")
    app.add_typer(group, name="keys")
    _add_begin(group)
    _add_look(group)
    _add_cut(group)


def _add_begin(group: typer.Typer) -> None:
    @group.command("init", **example("sovereign-ai keys init stacks/lab --module libsofthsm2.so --token lab --pin-file pin"))
    def init(
        stack: StackPath,
        module: Annotated[Path, typer.Option("--module", help="The PKCS#11 module's shared library.")],
        token: Annotated[str, typer.Option("--token", metavar="LABEL", help="Label of the token in it.")],
        pin_file: Annotated[Path, typer.Option("--pin-file", help="File of mode 0600 that holds the PIN.")],
        environment: Annotated[
            list[str] | None, typer.Option("--env", metavar="NAME=PATH", help="A variable that the module itself reads.")
        ] = None,
        name: StackOption = None,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Make the plane's keys in a module, start it with them, and write its secrets again under them."""
        speak("keys init", as_json, lambda output: _init(output, stack, name, (module, token, pin_file, environment or []), dry_run))


def _add_look(group: typer.Typer) -> None:
    @group.command("status", **example("sovereign-ai keys status stacks/lab"))
    def status(stack: StackPath, name: StackOption = None, as_json: Annotated[bool, AsJson] = False) -> None:
        """Show each key's versions and what stands under them; exit 1 if one is withdrawn or something stands under an older one."""
        speak("keys status", as_json, lambda output: _status(output, stack, name))

    @group.command("rotate", **example("sovereign-ai keys rotate stacks/lab high"))
    def rotate(
        stack: StackPath,
        key: Annotated[str, typer.Argument(help="A trust level, or `plane`.")],
        name: StackOption = None,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Make a new version of a key; what was written before stays readable."""
        speak("keys rotate", as_json, lambda output: _rotate(output, stack, name, key, dry_run))

    @group.command("reencrypt", **example("sovereign-ai keys reencrypt stacks/lab"))
    def reencrypt(stack: StackPath, name: StackOption = None, dry_run: DryRun = False, as_json: Annotated[bool, AsJson] = False) -> None:
        """Write again what stands under an older version, and drop what etcd still holds of before; exit 1 if something is left."""
        speak("keys reencrypt", as_json, lambda output: _reencrypt(output, stack, name, dry_run))


def _add_cut(group: typer.Typer) -> None:
    @group.command("revoke", **example("sovereign-ai keys revoke stacks/lab high"))
    def revoke(
        stack: StackPath, level: Level, name: StackOption = None, dry_run: DryRun = False, as_json: Annotated[bool, AsJson] = False
    ) -> None:
        """Withdraw a trust level's key: its secrets become unreadable, and nothing else does."""
        speak("keys revoke", as_json, lambda output: _cut(output, stack, name, level, dry_run, back=False))

    @group.command("restore", **example("sovereign-ai keys restore stacks/lab high"))
    def restore(
        stack: StackPath, level: Level, name: StackOption = None, dry_run: DryRun = False, as_json: Annotated[bool, AsJson] = False
    ) -> None:
        """Give a withdrawn key back: its secrets become readable again."""
        speak("keys restore", as_json, lambda output: _cut(output, stack, name, level, dry_run, back=True))


def _place(path: Path, name: str | None) -> tuple[Place, dict[str, str]]:
    """Give the plane of a stack, and its namespaces' trust levels."""
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster.keys.custody import levels_of
    from sovereign_ai.cluster.state import place

    stack = open_stack(path)
    cluster = stack.cluster(name)
    return place(cluster), levels_of(stack.factory, stack.plan.cluster(cluster))


def _init(output: Output, path: Path, name: str | None, told: tuple[Path, str, Path, list[str]], dry_run: bool) -> None:
    from sovereign_ai.cluster.embedded import down, up
    from sovereign_ai.cluster.keys.again import write_again
    from sovereign_ai.cluster.keys.control import begin
    from sovereign_ai.cluster.keys.custody import module_place

    where, levels = _place(path, name)
    module = module_place(*told)
    keys = ["plane", *sorted(set(levels.values()))]
    data: dict[str, object] = {"cluster": where.name, "keys": keys, "dry_run": dry_run}
    if dry_run:
        output.finish(data, [f"{where.name}: would make the keys {', '.join(keys)} in token {module.token!r}, and start again"])
        return
    begin(where, module, levels)
    down(where.name, keep_data=True)
    up(where.name, progress=output.progress)
    written = write_again(where, output.progress)
    line = f"{where.name}: keys {', '.join(keys)} in token {module.token!r}; {written.count} values written again under them"
    _finish_written(output, data, path, line, written)


def _status(output: Output, path: Path, name: str | None) -> None:
    from sovereign_ai.cluster.keys.control import look
    from sovereign_ai.errors import ExitCode

    where, _ = _place(path, name)
    states = look(where)
    good = all(one.usable and not one.behind for one in states)
    rows = [(one.key, _versions(one), "usable" if one.usable else "withdrawn", sum(one.stored.values()), one.behind) for one in states]
    data = {"cluster": where.name, "keys": [one.to_data() for one in states]}
    output.finish(data, table(["key", "newest", "state", "stored", "behind"], rows), ExitCode.OK if good else ExitCode.FINDINGS)


def _versions(state: KeyState) -> str:
    return f"v{state.versions[-1].number}" if state.versions else "none"


def _rotate(output: Output, path: Path, name: str | None, key: str, dry_run: bool) -> None:
    from sovereign_ai.cluster.keys.control import rotate
    from sovereign_ai.cluster.keys.custody import read_custody

    where, _ = _place(path, name)
    read_custody(where).insist(key)
    data: dict[str, object] = {"cluster": where.name, "key": key, "dry_run": dry_run}
    if dry_run:
        output.finish(data, [f"{key}: would make a new version"])
        return
    number = rotate(where, key, output.progress)
    lines = [f"{key}: version {number} is written with", f"next: sovereign-ai keys reencrypt {quote(str(path))}"]
    output.finish(data | {"version": number}, lines)


def _reencrypt(output: Output, path: Path, name: str | None, dry_run: bool) -> None:
    from sovereign_ai.cluster.keys.again import write_again
    from sovereign_ai.cluster.keys.control import look

    where, _ = _place(path, name)
    if dry_run:
        behind = {one.key: one.behind for one in look(where)}
        lines = [f"{key}: {number} values stand under an older version, or under none" for key, number in behind.items()]
        output.finish({"cluster": where.name, "behind": behind, "dry_run": True}, lines)
        return
    written = write_again(where, output.progress)
    data: dict[str, object] = {"cluster": where.name, "dry_run": False}
    _finish_written(output, data, path, f"{where.name}: {written.count} values written again", written)


def _finish_written(output: Output, data: dict[str, object], path: Path, line: str, written: Written) -> None:
    """Say what was written again and what is left; leave with 1 if something is."""
    from sovereign_ai.errors import ExitCode

    lines = [line]
    left = [f"{one.kind} {one.namespace}/{one.name}" for one in written.left]
    if left:
        lines += [f"{len(left)} values stand under an older version, or under none, still:", *(f"  {one}" for one in left)]
        lines.append(
            f"next: sovereign-ai keys status {quote(str(path))}; what stands under a withdrawn key is written again once it is restored"
        )
    output.finish(data | {"written": written.count, "left": left}, lines, ExitCode.FINDINGS if left else ExitCode.OK)


def _cut(output: Output, path: Path, name: str | None, level: str, dry_run: bool, *, back: bool) -> None:
    from sovereign_ai.cluster.keys.control import give_back, look, withdraw
    from sovereign_ai.cluster.keys.custody import read_custody

    where, levels = _place(path, name)
    read_custody(where).insist(level)
    namespaces = sorted(namespace for namespace, one in levels.items() if one == level)
    data: dict[str, object] = {"cluster": where.name, "level": level, "namespaces": namespaces, "dry_run": dry_run}
    word = "readable" if back else "unreadable"
    if dry_run:
        count = next(sum(one.stored.values()) for one in look(where) if one.key == level)
        output.finish(data | {"secrets": count}, [f"{level}: {count} secrets in {', '.join(namespaces)} would become {word}"])
        return
    count = (give_back if back else withdraw)(where, level, output.progress)
    output.finish(data | {"secrets": count}, [f"{level}: {count} secrets in {', '.join(namespaces)} are {word}"])

"""Where a command is to write is checked before it works, for every command with an output."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app, application
from sovereign_ai.cli.output_places import require_other_files, require_place
from sovereign_ai.errors import UsageError

OUTPUTS = {"--output", "--picture", "--order", "--metrics", "--focus"}
"""Options that name a file or folder which a command writes."""
_READ = """--against --approval --before --bmc --bmc-ca --ca --figures --from --given --guids --hosts --key
    --kubeconfig --lldp --macs --module --netbox-exports --next --observation --observed --pin-file --policies
    --policy-pack --redfish --report --token-file --tsa-cert --usage --with"""
"""Options that name what a command reads."""
GROWS = {"--log", "--to"}
"""A log is written to its end under a lock, and `state move` makes its folder before it copies anything."""


def options(group: Any, *names: str) -> Iterator[tuple[str, Any, str]]:
    """Yield each option that takes a path: its command's name, the command, and its own."""
    for name, inner in getattr(group, "commands", {}).items():
        yield from options(inner, *names, name)
    for parameter in group.params:
        long = [opt for opt in parameter.opts if opt.startswith("--")]
        if long and "Path" in repr(parameter.type_descriptor):
            yield " ".join(names), group, long[0]


WITH_PATHS = list(options(typer.main.get_command(app)))
WITH_OUTPUT = {
    f"{name} {option}": (command, option) for name, command, option in WITH_PATHS if option in OUTPUTS
}


WITH_INPUT = {
    f"{name} {parameter.opts[0]}": (name.removesuffix(option).split(), command, option, parameter)
    for name, (command, option) in WITH_OUTPUT.items()
    for parameter in command.params
    if "Path" in repr(parameter.type_descriptor) and not OUTPUTS & {*parameter.opts}
}
"""What a command with an output reads, with the output."""


def arguments(command: Any, *but: str) -> list[str]:
    """Give a command a text for each argument and option that it must have, but for some."""
    given: list[str] = []
    for parameter in command.params:
        if parameter.required and not {*but} & {*parameter.opts}:
            option = parameter.opts[:1] if parameter.opts[0].startswith("-") else []
            given += [*option, *["1"] * max(1, parameter.nargs)]
    return given


@pytest.mark.parametrize("name", sorted(WITH_OUTPUT))
def test_no_command_works_before_its_output_was_checked(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file cannot be made below a file, nor a folder."""
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    below = tmp_path / "file" / "x.html"
    command, option = WITH_OUTPUT[name]
    words = name.removesuffix(option).split()
    line = [*words, *arguments(command, option), option, str(below), "--json"]
    done = CliRunner().invoke(application(words[0]), line)
    assert "file-refused" in done.output, done.output
    assert done.exit_code == 3


@pytest.mark.parametrize("name", sorted(WITH_OUTPUT))
@pytest.mark.skipif(os.getuid() != 0, reason="only root makes links of another user")
def test_no_command_writes_over_a_link_of_another_user_to_a_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "mine" / "inner").mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "link").symlink_to(tmp_path / "mine")
    os.lchown(tmp_path / "shared" / "link", 4_343, 4_343)
    (tmp_path / "own").symlink_to(tmp_path / "shared" / "link" / "inner")
    command, option = WITH_OUTPUT[name]
    words = name.removesuffix(option).split()
    for place in ("shared/link/x.html", "shared/link/new/x.html", "own/x.html", "own/../x.html"):
        line = [*words, *arguments(command, option), option, str(tmp_path / place), "--json"]
        done = CliRunner().invoke(application(words[0]), line)
        assert "foreign-link" in done.output, done.output
        assert done.exit_code == 2
    assert [path.name for path in (tmp_path / "mine").rglob("*")] == ["inner"]


@pytest.mark.parametrize("place", ["/proc/x", "/sys/x"])
@pytest.mark.parametrize("is_folder", [True, False])
def test_a_folder_that_takes_no_files_is_known_before_the_work(place: str, is_folder: bool) -> None:
    with pytest.raises(OSError, match=re.escape(place)):
        require_place(Path(place), is_folder=is_folder)


def test_a_file_or_folder_that_is_there_is_checked_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write everywhere, so the system's answer for a disk that is mounted for reading is given."""
    file = tmp_path / "x"
    file.write_text("old")
    require_place(file)
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, Path(), Path("/tmp")):  # noqa: S108 - nothing stays there
        require_place(folder, is_folder=True)
    require_place(Path("/dev/null"))
    link = tmp_path / "link"
    link.symlink_to(file)
    require_place(link)
    assert (sorted(tmp_path.iterdir()), file.read_text()) == ([link, file], "old")

    def refuse(*_: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refuse)
    for path, is_folder in ((file, False), (link, False), (tmp_path, True), (tmp_path / "new" / "x", True)):
        with pytest.raises(OSError, match="Read-only") as caught:
            require_place(path, is_folder=is_folder)
        assert caught.value.filename == str(path)
    link.unlink()
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="dangling-link"):
        require_place(link)


def test_a_file_needs_its_folder_and_a_folder_is_made(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file") as caught:
        require_place(tmp_path / "missing" / "x")
    assert caught.value.errno == errno.ENOENT
    require_place(tmp_path / "missing" / "x", is_folder=True)
    require_place(tmp_path / "x")
    with pytest.raises(IsADirectoryError):
        require_place(tmp_path)


def called(name: str, read: str, written: str) -> Result:
    """Call a command of the table with a file to read and one to write."""
    words, command, option, parameter = WITH_INPUT[name]
    flag = parameter.opts[:1] if parameter.opts[0].startswith("-") else []
    given = [*arguments(command, option, *parameter.opts), *flag, read, option, written]
    return CliRunner().invoke(application(words[0]), [*words, *given, "--json"])


@pytest.mark.parametrize("name", sorted(WITH_INPUT))
def test_what_a_command_reads_is_never_written_over(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.html").write_text("name: lab\n")
    done = called(name, "one.html", str(tmp_path / "one.html"))
    # Some options exclude each other, and that is said first.
    assert "output-is-input" in done.output or "contradiction" in done.output, done.output
    assert done.exit_code == 2
    assert (tmp_path / "one.html").read_text() == "name: lab\n"


def test_a_file_that_is_read_is_known_under_each_of_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "log").write_text("")
    (tmp_path / "hard").hardlink_to(tmp_path / "log")
    (tmp_path / "soft").symlink_to("log")
    for read, written in (("log", "hard"), ("log", "soft"), ("log", "sub/../log"), ("new", "sub/../new")):
        assert "output-is-input" in called("evidence sign --output --log", read, written).output


def test_the_description_in_a_folder_and_the_file_of_a_site_are_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "factory.yaml").write_text("name: lab\n")
    hours = tmp_path / "hours.html"
    hours.write_text("1\n")
    for line in (
        "plan . --output factory.yaml",
        "plan --picture factory.yaml",
        "report . --hourly fra1=hours.html --output hours.html",
        "check --format sarif --output factory.yaml",
    ):
        done = CliRunner().invoke(app, line.split())
        assert "[output-is-input]" in done.output, done.output
    assert ((tmp_path / "factory.yaml").read_text(), hours.read_text()) == ("name: lab\n", "1\n")


def test_two_outputs_have_two_places_and_a_device_may_be_named_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["plan", "--output", "x.svg", "--picture", "./x.svg"])
    assert (done.exit_code, "[same-output]" in done.output) == (2, True)
    require_other_files(
        [Path("/dev/null"), Path("/dev/null")], {"key": Path("/dev/null"), "level": 3, "name": "a=b"}
    )


def test_each_option_that_takes_a_path_is_known_as_read_or_written() -> None:
    assert {option for _, _, option in WITH_PATHS} == OUTPUTS | GROWS | set(_READ.split())

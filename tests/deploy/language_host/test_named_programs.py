from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import pytest
from pulumi.runtime.proto import language_pb2

from sovereign_ai.deploy.language_host.named_programs import NamedPrograms, OnlyNamed, program_folders

Folders = Callable[..., None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project, and programs beside it."""
    for name in (
        "project/below",
        "pack",
        "main",
        "component",
        "inner",
        "other",
        "home/plugins/resource-x",
        "home/else",
    ):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "main" / "program.py").write_text("")
    project = "name: p\nruntime: python\nmain: ../main/program.py\npackages: {c: ../component}\n"
    (tmp_path / "project" / "Pulumi.yaml").write_text(project)
    (tmp_path / "component" / "PulumiPlugin.yaml").write_text(
        "runtime: python\npackages:\n  inner: {source: ../inner}\n"
    )
    (tmp_path / "pack" / "PulumiPolicy.yaml").write_text("runtime: python\n")
    return tmp_path


@contextmanager
def engine(cwd: Path, *arguments: str) -> Iterator[int]:
    """A process in the engine's place, with its command line and its folder."""
    code = "import sys, time; print(flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=cwd, stdout=subprocess.PIPE)
    with process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


def named(
    root: Path, *arguments: str, cwd: str = "project", options: dict[str, str] | None = None
) -> set[str]:
    """Give which of the folders an engine with these arguments may have run."""
    environment = {"PULUMI_HOME": str(root / "home"), "HOME": "/nonexistent", **(options or {})}
    with engine(root / cwd, *arguments) as pid:
        programs = NamedPrograms(pid, environment)
        folders = [path for path in root.rglob("*") if path.is_dir()]
        return {str(path.relative_to(root)) for path in folders if programs.has(path)}


ALWAYS = {"project", "project/below", "main", "component", "inner", "home/plugins", "home/plugins/resource-x"}


def test_the_project_and_what_its_file_names_in_turn_and_what_is_installed_may_run(root: Path) -> None:
    assert named(root, "up", "--yes") == ALWAYS


@pytest.mark.parametrize("cwd", ["project", "project/below"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("--policy-pack", "{root}/pack"),
        ("--policy-pack={root}/pack",),
        ("--policy-pack", "{root}/other/../pack/"),
        ("--policy-pack={root}/none,{root}/pack",),
        ("--policy-pack", "{root}/pack/PulumiPolicy.yaml"),
    ],
)
def test_a_pack_that_the_command_line_names_may_run(root: Path, cwd: str, arguments: tuple[str, ...]) -> None:
    words = [each.format(root=root) for each in arguments]
    assert named(root, "preview", *words, cwd=cwd) == ALWAYS | {"pack"}


def test_a_relative_pack_is_read_from_the_engines_folder(root: Path) -> None:
    assert named(root, "preview", "--policy-pack", "../pack") == ALWAYS | {"pack"}
    assert named(root, "preview", "--policy-pack", "pack") == ALWAYS


def test_an_option_in_the_environment_is_a_command_line_as_pulumi_reads_it(root: Path) -> None:
    assert named(root, "up", options={"PULUMI_OPTION_POLICY_PACK": "../pack"}) == ALWAYS | {"pack"}
    assert named(root, "up", options={"POLICY_PACK": "../pack"}) == ALWAYS


def test_a_link_counts_as_what_it_leads_to(root: Path) -> None:
    (root / "project" / "link").symlink_to(root / "other")
    with engine(root / "project", "up") as pid:
        assert not NamedPrograms(pid, {"PULUMI_HOME": str(root / "home")}).has(root / "project" / "link")
    (root / "named").symlink_to(root / "other")
    assert "other" in named(root, "--policy-pack", str(root / "named"))


def test_a_folder_below_or_above_a_pack_is_not_named_with_it(root: Path) -> None:
    (root / "pack" / "deep").mkdir()
    found = named(root, "--policy-pack", str(root / "pack"))
    assert "pack" in found
    assert "pack/deep" not in found


def test_outside_of_every_project_only_arguments_name_something(root: Path) -> None:
    assert named(root, "package", "get-schema", str(root / "component"), cwd="other") == {
        "component",
        "inner",
        "home/plugins",
        "home/plugins/resource-x",
    }


def test_a_project_file_that_is_no_yaml_or_too_long_names_nothing(root: Path) -> None:
    for text in ("a: [\n", "x: " + "y" * (1 << 20) + "\nmain: ../main\n", "\x00"):
        (root / "project" / "Pulumi.yaml").write_text(text)
        assert "main" not in named(root)


def test_of_an_engine_that_is_gone_nothing_is_named(root: Path) -> None:
    with engine(root / "project") as pid:
        programs = NamedPrograms(pid, {"PULUMI_HOME": str(root / "home")})
        assert programs.has(root / "project")
    assert not programs.has(root / "project")


def info(folder: Path, entry: str = ".", root: Path | None = None) -> language_pb2.ProgramInfo:
    return language_pb2.ProgramInfo(
        root_directory=str(root or folder), program_directory=str(folder), entry_point=entry
    )


class Refused(Exception):  # noqa: N818 - what gRPC's own abort raises has no such name
    """What a test's context raises in place of gRPC."""


class Context:
    def abort(self, code: grpc.StatusCode, text: str) -> None:
        raise Refused(code, text)


def asked(request: object, folders: set[Path], *, stream: bool = False) -> object:
    """Send a request through the interceptor."""

    class Programs:
        def has(self, folder: Path) -> bool:
            return folder.resolve() in folders

    handler = (
        grpc.unary_stream_rpc_method_handler(lambda _request, _context: iter(["ran"]))
        if stream
        else grpc.unary_unary_rpc_method_handler(lambda _request, _context: "ran")
    )
    checked = OnlyNamed(Programs()).intercept_service(lambda _details: handler, None)  # type: ignore[arg-type]
    return (
        list(checked.unary_stream(request, Context())) if stream else checked.unary_unary(request, Context())
    )


def test_every_call_about_a_program_is_refused_unless_it_is_named(root: Path) -> None:
    messages = [
        message
        for message in vars(language_pb2).values()
        if hasattr(message, "DESCRIPTOR")
        and hasattr(message.DESCRIPTOR, "fields_by_name")
        and "info" in message.DESCRIPTOR.fields_by_name
    ]
    names = {message.DESCRIPTOR.name for message in messages}
    assert {
        "RunRequest",
        "RunPluginRequest",
        "GetRequiredPackagesRequest",
        "AboutRequest",
        "GetProgramDependenciesRequest",
    } <= names
    for message in messages:
        request = message(info=info(root / "other"))
        assert asked(request, {root / "other"}) == "ran"
        with pytest.raises(Refused, match="neither the command line nor the project"):
            asked(request, {root / "project"})


def test_a_stream_is_refused_before_its_first_answer(root: Path) -> None:
    request = language_pb2.RunPluginRequest(info=info(root / "other"), kind="analyzer")
    assert asked(request, {root / "other"}, stream=True) == ["ran"]
    with pytest.raises(Refused):
        asked(request, set(), stream=True)


@pytest.mark.parametrize("entry", ["../other", "../other/x.py", "/nonexistent/x.py"])
def test_an_entry_point_may_not_lead_out_of_what_is_named(root: Path, entry: str) -> None:
    with pytest.raises(Refused):
        asked(language_pb2.RunRequest(info=info(root / "project", entry)), {root / "project"})


def test_the_older_fields_of_a_request_are_looked_at_as_well(root: Path) -> None:
    project, other = root / "project", root / "other"
    plugin = language_pb2.RunPluginRequest(pwd=str(project), program=str(other))
    assert program_folders(plugin) == [project, other]
    assert program_folders(language_pb2.RunRequest(pwd=str(other), program=".")) == [other, other]
    assert program_folders(language_pb2.AboutRequest()) == []


def test_calls_about_no_program_pass() -> None:
    assert asked(language_pb2.LanguageHandshakeRequest(engine_address="x"), set()) == "ran"
    assert OnlyNamed(NamedPrograms(1)).intercept_service(lambda _details: None, None) is None


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x, ../other]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40)),
        "a: &a [../other, *a]\n",
        "a: ../other\nb: " + "[" * 20_000,
        "a: ../other\nb: !!int x\n",
    ],
    ids=["billions of aliases", "itself", "deep", "no number"],
)
def test_a_project_file_is_read_in_time_whatever_it_holds(root: Path, text: str) -> None:
    (root / "pack" / "PulumiPolicy.yaml").write_text(text)
    found = named(root, "preview", "--policy-pack", "../pack")
    assert "pack" in found
    assert ("other" in found) == ("*" in text)

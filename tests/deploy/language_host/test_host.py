from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from sovereign_ai.deploy.language_host.host import PythonHost
from sovereign_ai.toolchain.cache import interpreter
from sovereign_ai.toolchain.install import bin_dir, find, place_plugins
from sovereign_ai.toolchain.launcher import HOSTS_VERSION, PACKAGE_VERSION, write_launcher

_PROGRAM = """
import os, signal, sys
import pulumi

print("printed by the program")
print("complained by the program", file=sys.stderr)
config = pulumi.Config()
pulumi.export("plain", config.get("plain"))
pulumi.export("hidden", config.get_secret("hidden"))
pulumi.export("secret_in_environment", any("hush-hush" in text for text in [*os.environ.values(), *sys.argv]))
pulumi.export("stack", pulumi.get_stack())
pulumi.export("folder", os.getcwd())


class Thing(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("sovereign:index:Thing", name, {"size": 1})
        self.register_outputs({})


Thing("one")
match config.get("end"):
    case "raise":
        raise ValueError("a mistake of the user's")
    case "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    case "exit":
        sys.exit(7)
    case "problems":
        error = Exception("factory.yaml:4:7: wrong [code]")
        error.problems = ("one",)
        raise error
    case "hang":
        open("hanging", "w").write(str(os.getpid()))
        import time
        time.sleep(600)
"""
_PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy


def refuse(args, report):
    if args.resource_type == "sovereign:index:Thing":
        report("things are forbidden here")


PolicyPack("pack", [ResourceValidationPolicy("no-things", "No things.", refuse)], enforcement_level=EnforcementLevel.MANDATORY)
"""  # noqa: E501 - one literal text


@dataclass
class Project:
    """A project with a stack on a file backend of its own, and no way to the world."""

    root: Path
    env: dict[str, str]

    def pulumi(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        argv = [str(find("pulumi")), *words]
        done = subprocess.run(
            argv,
            cwd=self.root / "project",
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def outputs(self) -> dict[str, object]:
        found = orjson.loads(self.pulumi("stack", "output", "--json", "--show-secrets").stdout)
        assert isinstance(found, dict)
        return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    write_launcher(bin_dir())
    for folder in ("project", "pack", "state", "home"):
        (tmp_path / folder).mkdir()
    (tmp_path / "passphrase").write_text("a passphrase for one test")
    (tmp_path / "project" / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    (tmp_path / "project" / "__main__.py").write_text(_PROGRAM)
    (tmp_path / "pack" / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\n")
    (tmp_path / "pack" / "__main__.py").write_text(_PACK)
    env = {
        "PATH": os.pathsep.join((str(bin_dir()), "/usr/bin", "/bin")),
        "HOME": str(tmp_path),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    made = Project(tmp_path, env)
    made.pulumi("stack", "init", "dev")
    made.pulumi("config", "set", "plain", "seen")
    made.pulumi("config", "set", "--secret", "hidden", "hush-hush")
    return made


@pytest.mark.cluster
def test_preview_up_refresh_and_destroy_run_a_program_and_a_second_up_changes_nothing(
    project: Project,
) -> None:
    assert "2 to create" in project.pulumi("preview", "--non-interactive").stdout
    first = project.pulumi("up", "--yes", "--skip-preview", "--non-interactive")
    assert "printed by the program" in first.stdout
    assert "complained by the program" in first.stdout
    assert "pulumi-language-python from $PATH" not in first.stdout + first.stderr
    assert "hush-hush" not in first.stdout + first.stderr
    assert project.outputs() == {
        "plain": "seen",
        "hidden": "hush-hush",
        "secret_in_environment": False,
        "stack": "dev",
        "folder": str(project.root / "project"),
    }
    project.pulumi("up", "--yes", "--skip-preview", "--non-interactive", "--expect-no-changes")
    project.pulumi("refresh", "--yes", "--skip-preview", "--non-interactive", "--expect-no-changes")
    assert "2 deleted" in project.pulumi("destroy", "--yes", "--skip-preview", "--non-interactive").stdout
    assert project.outputs() == {}


@pytest.mark.cluster
def test_destroy_and_refresh_can_run_the_program_too(project: Project) -> None:
    project.pulumi("up", "--yes", "--skip-preview", "--non-interactive")
    project.pulumi("refresh", "--yes", "--skip-preview", "--non-interactive", "--run-program")
    project.pulumi("destroy", "--yes", "--skip-preview", "--non-interactive", "--run-program")


@pytest.mark.cluster
def test_the_sdks_debug_lines_are_left_out_where_a_command_runs_the_engine(project: Project) -> None:
    line = "registering resource: ty="
    assert line in project.pulumi("preview", "--debug").stdout
    project.env["SOVEREIGN_AI_TRIED"] = "digest"
    assert line not in project.pulumi("preview", "--debug").stdout


@pytest.mark.cluster
def test_a_mandatory_policy_pack_stops_preview_and_up(project: Project) -> None:
    pack = ("--policy-pack", str(project.root / "pack"), "--non-interactive")
    for words in (("preview", *pack), ("up", "--yes", *pack), ("up", "--yes", "--skip-preview", *pack)):
        done = project.pulumi(*words, check=False)
        assert done.returncode != 0
        assert "things are forbidden here" in done.stdout
    assert "sovereign:index:Thing" not in project.pulumi("stack", "export").stdout


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("raise", "ValueError: a mistake of the user's"),
        ("killed", "exit code -9"),
        ("exit", "exit code 7"),
        ("problems", "factory.yaml:4:7: wrong [code]"),
    ],
)
def test_a_program_that_fails_is_reported_once_and_never_with_the_hosts_own_frames(
    project: Project, end: str, said: str
) -> None:
    project.pulumi("config", "set", "end", end)
    done = project.pulumi("up", "--yes", "--skip-preview", "--non-interactive", check=False)
    assert done.returncode != 0
    diagnostics = done.stdout.partition("Diagnostics:")[2]
    assert diagnostics.count(said) == 1
    assert "language_program" not in done.stdout
    assert "asyncio" not in done.stdout


@pytest.mark.cluster
def test_with_the_provider_in_pulumis_home_nothing_is_said_of_path(project: Project) -> None:
    place_plugins(project.root / "home")
    place_plugins(project.root / "home")
    project.env["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
    done = project.pulumi("up", "--yes", "--skip-preview", "--non-interactive")
    assert "from $PATH" not in done.stdout + done.stderr
    plugins = {
        (one["name"], one["version"]) for one in orjson.loads(project.pulumi("plugin", "ls", "--json").stdout)
    }
    assert plugins == {
        ("kubernetes", "4.25.0"),
        ("sovereign", PACKAGE_VERSION),
        ("sovereign-hosts", HOSTS_VERSION),
    }


@pytest.mark.cluster
def test_about_and_required_packages_answer(project: Project) -> None:
    about = orjson.loads(project.pulumi("about", "--json").stdout)
    assert about["runtime"]["executable"] == str(interpreter())
    assert ("kubernetes", "4.25.0") in {(plugin["name"], plugin["version"]) for plugin in about["plugins"]}


@pytest.mark.cluster
def test_when_the_engine_is_killed_neither_host_nor_program_stays(project: Project) -> None:
    project.pulumi("config", "set", "end", "hang")
    argv = [str(find("pulumi")), "up", "--yes", "--skip-preview", "--non-interactive"]
    engine = subprocess.Popen(
        argv,
        cwd=project.root / "project",
        env=project.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    mark = project.root / "project" / "hanging"
    deadline = time.monotonic() + 60
    while not (mark.is_file() and mark.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    program = int(mark.read_text())
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    deadline = time.monotonic() + 15
    while Path(f"/proc/{program}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{program}").exists()


def test_the_launcher_is_executable_written_once_and_starts_a_host_that_prints_its_port(
    tmp_path: Path,
) -> None:
    launcher = write_launcher(tmp_path)
    assert launcher.stat().st_mode & stat.S_IXUSR
    before = launcher.stat().st_mtime_ns
    assert write_launcher(tmp_path).stat().st_mtime_ns == before
    host = subprocess.Popen(
        [str(launcher), "127.0.0.1:1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert host.stdout is not None
    assert host.stdin is not None
    with host.stdout, host.stdin:
        assert 1024 < int(host.stdout.readline()) < 65536
        host.stdin.close()
        assert host.wait(timeout=20) == 0, "it ends when the engine's end of the pipe closes"


def test_a_program_of_a_call_that_has_ended_already_is_ended() -> None:
    class Ended:
        def add_callback(self, _callback: object) -> bool:
            return False

    program = subprocess.Popen(["sleep", "60"])
    with PythonHost()._known(program, Ended()):
        assert program.poll() == -signal.SIGTERM

"""The same factories from Python, YAML and TypeScript, by the programs of docs/pulumi.md, without a
network.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.deploy import package
from sovereign_ai.deploy.state.pulumi_environment import pulumi_state
from sovereign_ai.deploy.state.stack_record import StackRecord, record_path
from sovereign_ai.toolchain.cache import cache_dir, locked_name
from sovereign_ai.toolchain.install import find
from tests.deploy.projects import LAB, ROOT, Project, created, make, mini, two_names

pytestmark = pytest.mark.languages
STACK = "6b1f7c52-6d0e-4d7c-9d0f-2b8a4a4c1e55"
MODULES = Path(__file__).parent / "typescript"
FOLDER = Path(package.__file__).parent


def example(language: str, number: int = 0) -> str:
    """Return one of the manual's examples."""
    text = (ROOT / "docs" / "pulumi.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[number]


def node_modules() -> Path:
    """Return the pinned npm packages, fetched once for each lock file."""
    lock = (MODULES / "package-lock.json").read_bytes()
    folder = cache_dir() / "npm" / hashlib.sha256(lock).hexdigest()[:12]
    with locked_name(f"npm-{folder.name}", print):
        if not (folder / "node_modules").is_dir():
            fresh = folder.with_name(f"{folder.name}.fresh")
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(MODULES, fresh)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(command, cwd=fresh, check=True, timeout=540, stdin=subprocess.DEVNULL)
            fresh.rename(folder)
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, kubeconfig: Path) -> Iterator[Path]:
    """A folder for all projects, with one state apart from the control plane's, which runs already."""
    folder = tmp_path_factory.mktemp("languages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        yield folder


def projects(work: Path, plane: Path, name: str, runtime: str) -> Project:
    """Make a project `factories` with what the examples read.

    Npm and the engine have no network but to the plane.
    """
    if runtime != "python":
        find(f"pulumi-language-{runtime}")
    made = make(work / name / "factories", runtime, stack=name)
    # Every object carries the UUID of its stack: what is compared is one stack, in three languages.
    StackRecord(record_path(pulumi_state(), made.folder.name, name)).identity(STACK)
    (made.folder / "lab.yaml").write_text(LAB.read_text())
    mini(made.folder / "mini.yaml")
    (made.folder / "mini.json").write_text(
        json.dumps(yaml.safe_load((made.folder / "mini.yaml").read_text()))
    )
    two_names(plane, made.folder / "lab.kubeconfig", made.folder / "mini.kubeconfig")
    made.env |= {
        "npm_config_offline": "true",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    return made


@pytest.fixture(scope="module")
def python(work: Path, kubeconfig: Path) -> Project:
    """The manual's program in Python."""
    made = projects(work, kubeconfig, "python", "python")
    (made.folder / "__main__.py").write_text(example("python"))
    return made


@pytest.fixture(scope="module")
def in_yaml(work: Path, kubeconfig: Path) -> Project:
    """The manual's program in YAML, with the package added by its name."""
    made = projects(work, kubeconfig, "yaml", "yaml")
    (made.folder / "Pulumi.yaml").write_text(example("yaml"))
    made.pulumi("package", "add", "sovereign")
    return made


@pytest.fixture(scope="module")
def in_typescript(work: Path, kubeconfig: Path) -> Project:
    """The manual's program in TypeScript, with the package added by its folder."""
    made = projects(work, kubeconfig, "nodejs", "nodejs")
    shutil.copytree(node_modules(), made.folder, dirs_exist_ok=True, symlinks=True)
    made.pulumi("package", "add", str(FOLDER))
    (made.folder / "index.ts").write_text(example("typescript"))
    return made


@pytest.fixture(scope="module")
def expected(python: Project) -> dict[str, tuple[Any, ...]]:
    """What the program in Python would create."""
    return created(python.preview())


def test_yaml_previews_the_same_resources_as_python(
    in_yaml: Project, expected: dict[str, tuple[Any, ...]]
) -> None:
    assert len(expected) > 120
    assert yaml.safe_load((in_yaml.folder / "Pulumi.yaml").read_text())["packages"] == {
        "sovereign": "sovereign@0.1.0"
    }
    assert created(in_yaml.preview()) == expected


def test_typescript_previews_the_same_resources_as_python(
    in_typescript: Project, expected: dict[str, tuple[Any, ...]]
) -> None:
    assert created(in_typescript.preview()) == expected


def test_a_description_made_by_a_program_is_the_one_of_a_file(
    in_typescript: Project, expected: dict[str, tuple[Any, ...]], python: Project
) -> None:
    (in_typescript.folder / "index.ts").write_text(example("typescript", 1))
    found = created(in_typescript.preview())
    text = (python.folder / "mini.yaml").read_text()
    (python.folder / "mini.yaml").write_text(text.replace("nodes: 2", "nodes: 3", 1))
    try:
        wanted = created(python.preview())
    finally:
        (python.folder / "mini.yaml").write_text(text)
    assert found == {urn: state for urn, state in wanted.items() if "::lab" not in urn}
    assert found.keys() <= expected.keys()
    assert found != {urn: state for urn, state in expected.items() if urn in found}


def test_a_typed_sdk_refuses_an_output_before_any_preview(in_typescript: Project) -> None:
    program = 'import * as pulumi from "@pulumi/pulumi";\n' + example("typescript").replace(
        '"lab.yaml"', 'pulumi.output("lab.yaml")'
    )
    (in_typescript.folder / "index.ts").write_text(program)
    assert "Type 'Output<string>' is not assignable to type 'string'" in in_typescript.refused()


OPTIONS = """
name: factories
runtime: yaml
packages: {{sovereign: sovereign@0.1.0}}
resources:
  mine:
    type: pulumi:providers:kubernetes
    properties: {{kubeconfig: {kubeconfig}}}
  mini:
    type: sovereign:FactoryDeployment
    properties:
      file: {file}
      kubeconfig: mini.kubeconfig
    options: {{protect: true, retainOnDelete: true, dependsOn: ["${{mine}}"], providers: ["${{mine}}"]}}
"""


def test_options_and_a_provider_reach_the_children_from_yaml(in_yaml: Project) -> None:
    (in_yaml.folder / "Pulumi.yaml").write_text(
        OPTIONS.format(kubeconfig="mini.kubeconfig", file="mini.yaml")
    )
    objects = {urn: step["newState"] for urn, step in in_yaml.preview().items() if "$kubernetes:" in urn}
    assert len(objects) > 40
    for state in objects.values():
        assert state["protect"]
        assert state["retainOnDelete"]
        assert state["provider"].rsplit("::", 2)[-2] == "mine"
        assert any(urn.endswith("::mine") for urn in state["dependencies"])


@pytest.mark.parametrize(
    ("other", "file", "said"),
    [
        ("lab.kubeconfig", "mini.yaml", "the provider 'mine' leads to https://127.0.0.1:"),
        (
            "mini.kubeconfig",
            "${mine.id}",
            "file: it is unknown at preview, and a deployment is decided on plain values",
        ),
        ("mini.kubeconfig", '{"fn::secret": mini.yaml}', "file: it is a secret"),
        ("mini.kubeconfig", "none.yaml", "none.yaml: there is no such file or folder"),
    ],
)
def test_what_cannot_be_decided_is_refused_in_plain_words(
    in_yaml: Project, other: str, file: str, said: str
) -> None:
    (in_yaml.folder / "Pulumi.yaml").write_text(OPTIONS.format(kubeconfig=other, file=file))
    text = in_yaml.refused()
    assert said in text
    assert "Traceback" not in text
    assert "Unexpected" not in text


def test_an_inline_description_in_yaml_is_read_and_its_problems_name_the_field(in_yaml: Project) -> None:
    description = yaml.safe_load((in_yaml.folder / "mini.yaml").read_text())
    description["pools"][0]["zone"] = "opne"
    properties = {"description": description, "kubeconfig": "mini.kubeconfig"}
    project = yaml.safe_load(example("yaml")) | {"packages": {"sovereign": str(FOLDER)}, "outputs": {}}
    project["resources"] = {"mini": {"type": "sovereign:FactoryDeployment", "properties": properties}}
    (in_yaml.folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    assert "description: pools[0].zone:" in in_yaml.refused()


def test_about_names_the_language_hosts(in_yaml: Project, in_typescript: Project) -> None:
    for project, language in ((in_yaml, "yaml"), (in_typescript, "nodejs")):
        about = json.loads(project.pulumi("about", "--json").stdout)
        assert language in {plugin["name"] for plugin in about["plugins"] if plugin["kind"] == "language"}

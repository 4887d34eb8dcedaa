"""What the project promises about itself: layout, imports, stacks, and documents that cannot drift."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import orjson
import pytest
from typer.main import get_command

from sovereign_ai.cli.main import app
from sovereign_ai.deploy.stack_folder import contents

ROOT = Path(__file__).resolve().parent.parent
STACKS = sorted(path.name for path in (ROOT / "stacks").iterdir() if path.is_dir())
TRACKED = subprocess.run(
    ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.split("\0")[:-1]


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_wheel_holds_every_file_of_the_package_and_the_playbooks(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("sovereign_ai/")}
    promised = {path for path in TRACKED if path.startswith("sovereign_ai/")}
    promised |= {f"sovereign_ai/{path}" for path in TRACKED if path.startswith("playbooks/")}
    assert held == promised


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_is_the_scaffold_with_its_own_description(stack: str) -> None:
    made, folder = contents(stack), ROOT / "stacks" / stack
    assert (folder / "__main__.py").read_text() == made["__main__.py"]
    assert f"name: {stack}\n" in (folder / "Pulumi.yaml").read_text()
    assert (folder / "factory.schema.json").read_text() == made["factory.schema.json"], (
        "run: sovereign-ai schema -o …"
    )


def test_the_version_is_said_once_and_the_same() -> None:
    import sovereign_ai

    assert (
        tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == sovereign_ai.__version__
    )


def test_the_provider_is_pinned_alike_in_sdk_toolchain_and_components() -> None:
    from sovereign_ai.deploy.components.provider import PROVIDER_VERSION
    from sovereign_ai.toolchain.table import tool

    pins = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert f"pulumi-kubernetes=={PROVIDER_VERSION}" in pins
    assert tool("pulumi-resource-kubernetes").version == PROVIDER_VERSION
    assert f"pulumi=={tool('pulumi').version}" in pins


def test_the_readme_names_every_command_and_no_other() -> None:
    table = [
        line.split("|")[1]
        for line in (ROOT / "README.md").read_text().replace(r"\|", "/").splitlines()
        if line.startswith("| `sovereign-ai")
    ]
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"[`/] ?(?:sovereign-ai )?([a-z]+)", " ".join(table)))
    assert known - {"schema"} <= named
    first = set(re.findall(r"`sovereign-ai ([a-z]+)", " ".join(table)))
    assert first <= known


def test_what_the_readme_shows_of_the_lab_stands_in_its_description() -> None:
    import yaml

    shown = (ROOT / "README.md").read_text().partition("# factory.yaml\n")[2].partition("```")[0]
    whole = yaml.safe_load((ROOT / "stacks" / "lab" / "factory.yaml").read_text())
    excerpt = yaml.safe_load(shown.replace("…", ""))
    assert {"name", "operator", "sites", "pools", "fabrics"} == set(excerpt)
    assert _within(excerpt, whole)
    assert not _within(
        yaml.safe_load(shown.replace("…", "").replace("nodes: 12,", "nodes: 12, spares: auto,")), whole
    )


def _within(part: object, whole: object) -> bool:
    """Tell whether all that a part says is said by the whole; a list's entry by one of the whole's."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and _within(value, whole[key]) for key, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(_within(one, other) for other in whole) for one in part)
    return part == whole


@pytest.mark.parametrize("page", [name for name in TRACKED if name.endswith(".md")])
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / page).read_text()):
        if not target.startswith(("http://", "https://")):
            assert (ROOT / page).parent.joinpath(target).exists(), target


def _anchors(page: Path) -> set[str]:
    """Return what the headings of a page are called in links, as GitHub makes it of them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    words = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {word.strip().replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", [name for name in TRACKED if name.endswith(".md")])
def test_every_link_to_a_heading_names_one(page: str) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]*)\)", (ROOT / page).read_text()):
        led_to = (ROOT / page).parent / target if target else ROOT / page
        assert anchor in _anchors(led_to), f"{target}#{anchor}"


def test_the_picture_in_the_readme_is_the_labs_plan() -> None:
    from sovereign_ai.plan.factory import plan
    from sovereign_ai.render.picture import draw_plan
    from sovereign_ai.spec.reader import load

    assert (ROOT / "docs" / "lab.svg").read_text() == draw_plan(plan(load(ROOT / "stacks" / "lab")))


def test_make_targets_that_the_readme_shows_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make ([a-z0-9]+)", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert f"\n{target}:" in makefile


def test_nothing_in_the_project_names_a_package_registry_or_a_path_of_a_machine() -> None:
    banned = re.compile(
        "|".join(
            [
                "pypi" + r"\.org",
                "proxy" + r"\.golang",
                "registry" + r"\.npmjs",
                "deb" + r"\.debian",
                "/" + "work/main",
                "/" + "root/",
            ]
        )
    )
    for name in TRACKED:
        if (ROOT / name).suffix in {".py", ".md", ".toml", ".yaml", ".json", ".txt"} or name in {
            "Makefile",
            ".ci/run",
        }:
            assert not banned.search((ROOT / name).read_text()), name


def test_the_schema_is_valid_json_schema() -> None:
    import jsonschema

    schema = orjson.loads((ROOT / "stacks" / "lab" / "factory.schema.json").read_bytes())
    jsonschema.validators.validator_for(schema).check_schema(schema)


def test_every_action_of_ci_is_pinned_by_its_commit() -> None:
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    lines = [line for file in workflows for line in file.read_text().splitlines() if "uses:" in line]
    assert lines
    pinned = re.compile(r"uses: [\w.-]+/[\w.-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$")
    assert [line for line in lines if not pinned.search(line)] == []

"""Commands that write a folder: `render`, `fabric render` and `inventory simulate`."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app

STACKS = Path(__file__).resolve().parents[2] / "stacks"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_render_writes_files_that_hold_what_it_prints(tmp_path: Path) -> None:
    import yaml

    result = call("render", str(STACKS / "lab"), "--json")
    objects = orjson.loads(result.stdout)["objects"]
    assert call("render", str(STACKS / "lab"), "-o", str(tmp_path / "out")).exit_code == 0
    written = [
        obj
        for file in (tmp_path / "out").rglob("*.yaml")
        if file.name != "kustomization.yaml"
        for obj in yaml.load_all(file.read_text(), yaml.CSafeLoader)
    ]
    assert sorted(map(orjson.dumps, written)) == sorted(map(orjson.dumps, objects))


def _inside(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "what"), [(("fabric", "render"), "files"), (("inventory", "simulate"), "resources")]
)
def test_a_folder_holds_the_files_of_the_plan_that_was_written_last_and_what_is_not_ours(
    tmp_path: Path, words: tuple[str, str], what: str
) -> None:
    again, fresh = tmp_path / "again", tmp_path / "fresh"
    assert call(*words, str(STACKS / "superpod"), "-o", str(again)).exit_code == 0
    (again / "notes.txt").write_text("mine")
    result = call(*words, str(STACKS / "lab"), "-o", str(again), "--json")
    assert call(*words, str(STACKS / "lab"), "-o", str(fresh)).exit_code == 0
    assert result.exit_code == 0
    assert orjson.loads(result.stdout)["removed"] > 100
    assert _inside(again) == _inside(fresh) | {"notes.txt"}
    assert orjson.loads(result.stdout)[what] == len(_inside(fresh)) - 1
    told = call(*words, str(STACKS / "superpod"), "-o", str(again)).stdout
    assert f"{what} of an earlier run" in told


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("render",), "kustomization.yaml"),
        (("render",), "pool.train.yaml"),
        (("fabric", "render"), "bare-metal/lab.yaml"),
        (("inventory", "simulate"), "index.json"),
    ],
)
def test_a_file_of_the_users_is_refused_by_name_and_nothing_is_written(
    tmp_path: Path, words: tuple[str, ...], name: str
) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("resources: [app.yaml, ../outside.yaml]\n")
    result = call(*words, str(STACKS / "lab"), "-o", str(tmp_path), "--json")
    assert result.exit_code == 2
    [problem] = orjson.loads(result.stdout)["problems"]
    assert (problem["code"], problem["file"]) == ("not-ours", str(file))
    assert problem["hint"].startswith("name another folder, ")
    assert _inside(tmp_path) == {name}
    assert file.read_text() == "resources: [app.yaml, ../outside.yaml]\n"


def test_render_without_a_cluster_writes_every_cluster_as_it_is_written_alone(tmp_path: Path) -> None:
    stack, every = str(STACKS / "gigafactory"), tmp_path / "every"
    result = call("render", stack, "-o", str(every), "--json")
    assert result.exit_code == 0
    data = orjson.loads(result.stdout)
    names = [row["cluster"] for row in data["clusters"]]
    assert names == [
        "gigafactory-north-1",
        "gigafactory-north-2",
        "gigafactory-south-1",
        "gigafactory-south-2",
    ]
    for row in data["clusters"]:
        alone = tmp_path / "alone" / row["cluster"]
        written = call("render", stack, "--stack", row["cluster"], "-o", str(alone), "--json")
        assert orjson.loads(written.stdout)["digest"] == row["digest"]
        assert _contents(Path(row["folder"])) == _contents(alone)
    assert {Path(file).relative_to(every).as_posix() for file in data["files"]} == _inside(every) - {
        ".sovereign-ai-render"
    }


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in _inside(folder)}


def test_objects_of_several_clusters_are_never_printed_as_one_stream() -> None:
    result = call("render", str(STACKS / "gigafactory"), "--json")
    assert result.exit_code == 2
    [problem] = orjson.loads(result.stdout)["problems"]
    assert problem["code"] == "unknown-cluster"


URL = "https://git.example.org/team/factory.git"


@pytest.mark.parametrize(
    ("tool", "own"), [("argocd", {"argocd.yaml"}), ("flux", {"flux-lab.yaml"})], ids=["argocd", "flux"]
)
def test_render_gitops_writes_the_clusters_folder_and_what_delivers_it(
    tmp_path: Path, tool: str, own: set[str]
) -> None:
    words = ("render", str(STACKS / "lab"), "-o", str(tmp_path), "--gitops", tool, "--repo-url", URL)
    (tmp_path / "notes.txt").write_text("mine")
    result = call(*words, "--json")
    assert result.exit_code == 0
    data = orjson.loads(result.stdout)
    assert data["gitops"] == tool
    assert any("the guard refuses" in text for text in data["warnings"])
    outer = {path.name for path in tmp_path.iterdir()}
    assert outer == own | {"lab", "notes.txt", ".sovereign-ai-render"}
    shown = call(*words).stdout
    assert "note: on a control plane with guarded policies" in shown
    notes = [line for line in shown.splitlines() if not line.startswith(("wrote ", "    "))]
    assert max(map(len, notes)) <= 80


def test_a_folder_that_changes_its_form_holds_the_last_one_alone(tmp_path: Path) -> None:
    words = ("render", str(STACKS / "lab"), "-o", str(tmp_path))
    forms = ((), ("--helm",), ("--gitops", "flux", "--repo-url", URL), ("--helm",), ())
    held = []
    for form in forms:
        assert call(*words, *form).exit_code == 0
        held.append(_inside(tmp_path))
    assert held[0] == held[4]
    assert held[1] == held[3]
    assert {"Chart.yaml", "values.yaml", "templates/pool.train.yaml"} <= held[1]
    assert "kustomization.yaml" not in held[1]


def test_a_chart_of_somebody_elses_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("name: mine\n")
    result = call("render", str(STACKS / "lab"), "-o", str(tmp_path), "--helm", "--json")
    assert result.exit_code == 2
    assert _contents(tmp_path) == {"Chart.yaml": b"name: mine\n"}


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (("--gitops", "argo"), ["'argo' is not one of argocd, flux", "none was named", "none was named"]),
        (("--repo-url", URL), ["belong to --gitops"]),
        (("--helm",), ["--helm writes a folder"]),
        (("--helm", "--gitops", "flux", "--repo-url", URL, "-o", "x"), ["two ways of delivery"]),
        (("--gitops", "argocd", "--repo-url", URL, "--repo-secret", "s", "-o", "x"), ["an option of Flux"]),
        (("--gitops", "flux", "--repo-url", "git@host:x", "-o", "x"), ["has no scheme"]),
    ],
)
def test_every_problem_of_the_options_is_reported_at_once(
    options: tuple[str, ...], messages: list[str]
) -> None:
    result = call("render", str(STACKS / "lab"), *options, "--json")
    assert result.exit_code == 2
    problems = orjson.loads(result.stdout)["problems"]
    assert len(problems) == len(messages)
    for problem, message in zip(problems, messages, strict=True):
        assert message in problem["message"]


def test_a_token_in_an_address_is_printed_nowhere() -> None:
    url = "https://me:hunter2@git.example.org/x?token=hunter2"
    for flag in ((), ("--json",)):
        result = call("render", str(STACKS / "lab"), "--gitops", "flux", "--repo-url", url, "-o", "x", *flag)
        assert result.exit_code == 2
        assert "hunter2" not in result.output

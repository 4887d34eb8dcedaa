from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from itertools import combinations
from pathlib import Path

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.reader import _IN_FOLDER, description_file, load, read, read_text

SMALL = Path(__file__).parent / "small.yaml"
ROOT = Path(__file__).resolve().parents[2]

IN_PYTHON = """
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.operator import Operator, Parent, Staff
from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.spec.site import Cooling, Hall, Power, Site
from sovereign_ai.spec.storage import Encryption, Key, StorageTier
from sovereign_ai.spec.images import Images
from sovereign_ai.spec.zone import ResidencyPolicy, SecurityZone, Tenant
from sovereign_ai.units import BitsPerSecond, Watts

print("this goes to standard error")
hall = Hall(name="h1", cooling=Cooling(kind="air", supply="22 degC"), rack_limit=Watts(45_000))
factory = AIFactory(
    name="small",
    operator=Operator(
        name="Example Compute",
        seat="DE",
        parent=Parent(seat="DE"),
        staff=Staff(location=["DE"], citizenship=["EU"]),
    ),
    sites=[
        Site(
            name="fra1",
            country="DE",
            power=Power(it_budget="120 kW", feeds={"B": "200 kW", "A": "0.2 MW"}),
            halls=[hall],
        )
    ],
    pools=[
        GpuNodePool(name="train", site="fra1", system="dgx-h100", nodes=4, purpose="training", zone="main"),
    ],
    fabrics=[Fabric(name="compute", kind="roce", radix=32, link=BitsPerSecond.parse("400 Gbps"))],
    storage=(
        StorageTier(
            name="scratch",
            protocol="parallel",
            zone="main",
            capacity="100 TB",
            grade="good",
            encryption=Encryption(key="hsm"),
        ),
    ),
    keys=[Key(name="hsm", custodian="customer", module="pkcs11", jurisdiction="DE")],
    zones=[SecurityZone(name="main", trust="high", tenants=["research"])],
    tenants=[Tenant(name="research", seat="DE", data=["personal"])],
    residency=[ResidencyPolicy(data="personal", within=["DE"], keys=["DE"], staff_access=["EU"])],
    images=Images(registries=["registry.example.com"]),
)
"""


def python_stack(folder: Path, text: str = IN_PYTHON) -> Path:
    (folder / "factory.py").write_text(textwrap.dedent(text))
    return folder


def refusal(folder: Path) -> SpecError:
    with pytest.raises(SpecError) as caught:
        read(folder)
    return caught.value


def line_of(folder: Path, text: str) -> int:
    lines = (folder / "factory.py").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_python_and_yaml_give_the_same_description_and_the_same_digest(tmp_path: Path):
    from_python = load(python_stack(tmp_path))
    assert from_python == load(SMALL)
    assert from_python.digest == load(SMALL).digest
    assert hash(from_python) == hash(load(SMALL))


def test_the_lab_has_the_same_digest_when_its_data_goes_through_python():
    lab = load(ROOT / "stacks" / "lab")
    assert type(lab)(**lab.model_dump(by_alias=True)).digest == lab.digest
    assert type(lab)(**lab.to_data()).digest == lab.digest


def test_the_digest_depends_on_values_and_neither_on_comments_nor_on_the_order_of_fields():
    text = SMALL.read_text()
    turned = "\n".join(
        [
            "# turned",
            "images: {registries: [registry.example.com]}  # first",
            text.replace("images: {registries: [registry.example.com]}\n", ""),
        ]
    )
    assert read_text(turned.encode(), "f.yaml").factory.digest == load(SMALL).digest
    assert (
        read_text(text.replace("nodes: 4", "nodes: 5").encode(), "f.yaml").factory.digest
        != load(SMALL).digest
    )


def test_the_digest_does_not_depend_on_the_hash_seed():
    program = f"from sovereign_ai.spec.reader import load; print(load({str(SMALL)!r}).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "LC_ALL": "C", "TZ": "UTC"},
            capture_output=True,
            check=True,
            cwd=ROOT,
        ).stdout
        for seed in ("1", "2")
    }
    assert digests == {load(SMALL).digest.encode() + b"\n"}


def test_waivers_change_their_own_digest_alone():
    waiver = (
        "waivers: [{id: w, rule: SV-001, resource: Pod/a/b, reason: r, owner: o, requester: p, approver: q,"
        " compensating_control: c, created: 2026-01-01, expires: 2026-02-01}]\n"
    )
    with_waiver = read_text((SMALL.read_text() + waiver).encode(), "f.yaml").factory
    assert with_waiver.digest == load(SMALL).digest
    assert with_waiver.waivers_digest != load(SMALL).waivers_digest


def test_a_problem_across_parts_points_at_the_line_that_made_the_part(tmp_path: Path):
    error = refusal(
        python_stack(
            tmp_path, IN_PYTHON.replace('purpose="training", zone="main"', 'purpose="training", zone="mian"')
        )
    )
    (problem,) = error.problems
    assert (problem.code, problem.where.field, problem.where.line) == (
        "unknown-name",
        "pools[0].zone",
        line_of(tmp_path, "GpuNodePool(name="),
    )
    assert problem.where.file == str(tmp_path / "factory.py")


def test_a_problem_across_parts_points_at_a_nested_part(tmp_path: Path):
    error = refusal(python_stack(tmp_path, IN_PYTHON.replace('kind="air"', 'kind="liquid"')))
    assert [problem.where.line for problem in error.problems] == [line_of(tmp_path, "hall = Hall")]


def test_a_wrong_field_points_at_the_line_that_made_the_part(tmp_path: Path):
    error = refusal(python_stack(tmp_path, IN_PYTHON.replace("nodes=4", "nodes=0")))
    (problem,) = error.problems
    assert (problem.code, problem.where.field, problem.where.line) == (
        "out-of-range",
        "nodes",
        line_of(tmp_path, "GpuNodePool(name="),
    )


def test_a_field_is_named_as_python_writes_it(tmp_path: Path):
    error = refusal(python_stack(tmp_path, IN_PYTHON.replace('within=["DE"], ', "")))
    assert [problem.where.field for problem in error.problems] == ["within"]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("x = (\n", "python-syntax", 1),
        ("import sys\nsys.exit(3)\n", "python-error", 2),
        ("def f():\n    return 1 / 0\n\nf()\n", "python-error", 2),
        ("import no_such_module_anywhere\n", "python-error", 1),
        ("y = 1\n", "no-description", None),
        ("factory = 'lab'\n", "no-description", None),
        ("def f():\n    f()\nf()\n", "python-error", 2),
        ("raise BaseExceptionGroup('many', [SystemExit()])\n", "python-error", 1),
        ("b = b'\\xff'; x = '\x00'\n", "python-syntax", None),
    ],
)
def test_a_python_file_that_fails_is_a_problem_with_its_line(
    tmp_path: Path, text: str, code: str, line: int | None
):
    (problem,) = refusal(python_stack(tmp_path, text)).problems
    assert problem.code == code
    assert line is None or problem.where.line == line
    assert problem.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("from sovereign_ai import AIFactoy\n", "did you mean 'AIFactory'?"),
        ("import sovereign_ai as sai\nfactory = sai.AIFactry()\n", "did you mean 'AIFactory'?"),
        ("import sovereign_ai as sai\nhalls = [sai.Hal()]\n", "did you mean 'Hall'?"),
        ("from sovereign_ai import Opertor\n", "did you mean 'Operator'?"),
        ("pools = []\nfactory = poools\n", "did you mean 'pools'?"),
        ("import no_such_module_anywhere\n", "put no_such_module_anywhere.py beside the description"),
        ("x = 1 / 0\n", "fix the line"),
    ],
)
def test_a_wrong_name_in_python_gets_the_nearest_right_one_and_no_path_of_this_machine(
    tmp_path: Path, text: str, hint: str
) -> None:
    (problem,) = refusal(python_stack(tmp_path, text)).problems
    assert hint in problem.hint
    assert "/" not in problem.message.replace("1 / 0", "")


def test_an_exception_that_may_hold_a_secret_is_not_repeated(tmp_path: Path):
    error = refusal(python_stack(tmp_path, "raise ValueError('ghp_0123456789abcdefABCDEF is wrong')\n"))
    assert "ghp_" not in str(error)


def test_what_a_python_file_prints_stays_out_of_standard_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    load(python_stack(tmp_path))
    out, err = capfd.readouterr()
    assert out == ""
    assert "this goes to standard error" in err


def test_what_a_python_file_has_its_child_processes_say_stays_off_standard_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    python_stack(
        tmp_path,
        'import os, subprocess\nsubprocess.run(["echo", "from a child"])\nos.write(1, b"written\\n")\n'
        + textwrap.dedent(IN_PYTHON),
    )
    load(tmp_path)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines()[:2] == ["from a child", "written"]
    os.write(1, b"ours\n")
    assert capfd.readouterr().out == "ours\n"


def test_a_python_file_may_import_its_neighbours_and_leaves_nothing_behind(tmp_path: Path):
    (tmp_path / "neighbour_of_test.py").write_text("NODES = 4\n")
    python_stack(
        tmp_path,
        "from neighbour_of_test import NODES\n"
        + textwrap.dedent(IN_PYTHON).replace("nodes=4", "nodes=NODES"),
    )
    before = list(sys.path)
    assert load(tmp_path).digest == load(SMALL).digest
    assert "neighbour_of_test" not in sys.modules
    assert sys.path == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["factory.py", "neighbour_of_test.py"]


def test_a_program_beside_a_description_is_none_and_nothing_of_it_runs(tmp_path: Path):
    (tmp_path / "factory.yaml").write_bytes(SMALL.read_bytes())
    (tmp_path / "__main__.py").write_text("raise SystemExit\n")
    assert read(tmp_path).source.where("pools[0].zone").file == str(tmp_path / "factory.yaml")


def test_json_is_read_with_its_places(tmp_path: Path):
    import json

    file = tmp_path / "factory.json"
    file.write_text(json.dumps(load(SMALL).to_data(), indent="\t"))
    loaded = read(tmp_path)
    assert loaded.factory.digest == load(SMALL).digest
    assert loaded.source.where("name").line


def test_a_byte_order_mark_is_fine():
    assert read_text(b"\xef\xbb\xbf" + SMALL.read_bytes(), "f.yaml").factory.digest == load(SMALL).digest


def test_free_text_may_be_in_any_script():
    text = SMALL.read_text().replace("Example Compute", "Beispiel GmbH & Söhne · 株式会社データ · Пример")
    assert read_text(text.encode(), "f.yaml").factory.operator.name.startswith("Beispiel GmbH & Söhne")


def test_composed_and_decomposed_letters_have_the_same_digest():
    composed, decomposed = (
        SMALL.read_text().replace("Example Compute", name).encode() for name in ("S\u00f6hne", "So\u0308hne")
    )
    assert read_text(composed, "f.yaml").factory.digest == read_text(decomposed, "f.yaml").factory.digest


def test_norway_is_a_country_and_not_false():
    text = SMALL.read_text().replace("country: DE", "country: NO")
    assert read_text(text.encode(), "f.yaml").factory.sites[0].country == "NO"


def test_a_ratio_needs_no_quotation_marks():
    text = SMALL.read_text().replace("radix: 32", "radix: 32, oversubscription: 3:1")
    assert str(read_text(text.encode(), "f.yaml").factory.fabrics[0].oversubscription) == "3:1"


@pytest.mark.parametrize(
    ("raw", "code", "line"),
    [
        (b"name: \xff\n", "not-utf8", 1),
        (b"a\nb: \xc3", "not-utf8", 2),
        (b"#" * (2**20 + 1), "too-large", None),
        (b"\x00", "hidden-character", 1),
    ],
)
def test_bytes_that_are_no_text_are_refused(raw: bytes, code: str, line: int | None):
    with pytest.raises(SpecError) as caught:
        read_text(raw, "f.yaml")
    (problem,) = caught.value.problems
    assert (problem.code, problem.where.line) == (code, line)


def test_the_byte_that_is_not_utf8_is_named():
    with pytest.raises(SpecError, match="byte 6 is not UTF-8"):
        read_text(b"name: \xff\n", "f.yaml")


def test_a_missing_file_offers_the_nearest_name(tmp_path: Path):
    (tmp_path / "factory.yaml").write_bytes(SMALL.read_bytes())
    (problem,) = refusal(tmp_path / "factroy.yaml").problems
    assert problem.code == "no-file"
    assert problem.hint == "did you mean 'factory.yaml'?"


@pytest.mark.parametrize("name", ["no/such/folder/factory.yaml", "\0", "x" * 5000, "/dev/zero"])
def test_a_path_that_leads_nowhere_is_a_problem(name: str):
    assert refusal(Path(name)).problems[0].code == "no-file"


def test_a_folder_without_a_description_is_a_problem(tmp_path: Path):
    assert refusal(tmp_path).problems[0].code == "no-description"
    (tmp_path / "notes.txt").write_text("x")
    assert refusal(tmp_path / "notes.txt").problems[0].code == "no-description"


def test_a_name_in_other_letters_is_offered_and_what_is_no_file_is_named(tmp_path: Path):
    (tmp_path / "Factory.YAML").write_bytes(SMALL.read_bytes())
    assert refusal(tmp_path).problems[0].hint == "rename Factory.YAML to factory.yaml"
    (tmp_path / "factory.py").symlink_to("gone.py")
    message = "factory.py in it is a link to gone.py, which does not exist"
    assert refusal(tmp_path).problems[0].message == message
    (tmp_path / "factory.json").mkdir()
    assert refusal(tmp_path).problems[0].message == "factory.json in it is a folder"


@pytest.mark.parametrize("pair", [*combinations(_IN_FOLDER, 2)], ids=" and ".join)
def test_a_folder_with_two_descriptions_is_a_problem_that_names_both(tmp_path: Path, pair: tuple[str, str]):
    """The first one was taken without a word: whoever edits the other one waits for a change for ever."""
    for name in pair:
        (tmp_path / name).write_bytes(SMALL.read_bytes())
    [problem] = refusal(tmp_path).problems
    assert problem.code == "several-descriptions"
    assert all(name in problem.message for name in pair)
    # One that is named is meant, and a link to it is no second one.
    assert description_file(tmp_path / pair[1]).name == pair[1]
    (tmp_path / pair[1]).unlink()
    (tmp_path / pair[1]).symlink_to(pair[0])
    assert description_file(tmp_path).name == pair[0]


def test_a_link_to_nothing_and_a_pipe_are_named_as_such(tmp_path: Path):
    (tmp_path / "lab.yaml").symlink_to("gone.yaml")
    message = "it is a link to gone.yaml, which does not exist"
    assert refusal(tmp_path / "lab.yaml").problems[0].message == message
    os.mkfifo(tmp_path / "pipe.yaml")
    problem = refusal(tmp_path / "pipe.yaml").problems[0]
    assert problem.message == "it is a pipe, expected a folder or a description in a regular file"
    assert problem.hint == "write what it gives into a file, and name that"


def test_a_place_falls_back_to_the_nearest_part_around_it():
    source = read(SMALL).source
    assert source.where("pools[0].hall").line == source.where("pools[0]").line
    assert source.where("pools[7].hall").line == source.where("pools").line
    assert source.where("nowhere").line == 1

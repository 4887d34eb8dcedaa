"""Without the fuzzer: every reader takes its seeds, and the limits and the seeds themselves hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from sovereign_ai.adopt import read_site
from sovereign_ai.attest import chain
from sovereign_ai.attest.evidence import open_envelope
from sovereign_ai.errors import SovereignError
from sovereign_ai.spec.reader import read_text
from tests.fuzz import limits, readers
from tests.fuzz.adopted import ADOPTED, files_of
from tests.fuzz.readers import READERS, SIGNER
from tests.fuzz.seeds import CORPUS, seeds

SEEDS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


def test_the_committed_seeds_are_those_that_the_script_writes() -> None:
    expected = {f"{reader}/{name}": raw for reader, name, raw in seeds()}
    assert {f"{path.parent.name}/{path.name}": path.read_bytes() for path in SEEDS} == expected


def test_every_reader_has_seeds_and_every_seed_a_reader() -> None:
    assert {path.parent.name for path in SEEDS} == set(READERS)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_reader_takes_its_seed_cut_and_changed_anywhere_within_its_limits(path: Path) -> None:
    read, raw = READERS[path.parent.name], path.read_bytes()
    limits.within_limits(read, raw)
    step = max(1, len(raw) // 12)
    for at in range(0, len(raw), step):
        limits.within_limits(read, raw[:at])
        limits.within_limits(read, raw[:at] + bytes([raw[at] ^ 0x41]) + raw[at + 1 :])


def test_seeds_reach_what_is_behind_the_signature_and_the_description() -> None:
    read_text((CORPUS / "yaml" / "small").read_bytes(), "factory.yaml")
    log = readers._file("seed.jsonl", (CORPUS / "chain" / "two-lines").read_bytes())
    assert (chain.read_log(log, SIGNER.public_key()).problems, chain.head(log)["entries"]) == ([], 2)
    changed = (CORPUS / "chain" / "two-lines").read_bytes().replace(b"2026-11-24", b"2026-11-23")
    log.write_bytes(changed)
    assert chain.read_log(log, SIGNER.public_key()).broken
    log.write_bytes(readers._signed_lines(changed))
    assert not chain.read_log(log, SIGNER.public_key()).broken


@pytest.mark.parametrize("name", ["statement", "access"])
def test_a_seed_statement_is_laid_out_as_the_reader_expects(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[list[object]] = []

    def opened(*arguments: object) -> object:
        result = open_envelope(*arguments)  # type: ignore[arg-type]
        answers.append(list(result[1]))
        return result

    monkeypatch.setattr(readers, "open_envelope", opened)
    readers.read_dsse((CORPUS / "dsse" / name).read_bytes())
    assert answers[-1] == []


def test_an_error_of_the_projects_own_is_an_answer_and_any_other_is_not() -> None:
    def own() -> None:
        orjson.loads(b"{}")
        read_text(b"", "factory.yaml")

    def defect() -> None:
        raise KeyError("x")

    with pytest.raises(SovereignError):
        own()
    readers._owned(own)
    with pytest.raises(KeyError):
        readers._owned(defect)


def _slow(raw: bytes) -> None:
    sum(range(2_000_000))


def _large(raw: bytes) -> None:
    limits._peak_memory()
    bytearray(64 << 20)


@pytest.mark.parametrize(
    ("read", "limit", "value"), [(_slow, "MOST_CPU_SECONDS", 0.001), (_large, "MOST_MEMORY", -1)]
)
def test_what_costs_too_much_fails(
    read: Callable[[bytes], None], limit: str, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits.within_limits(read, b"")
    monkeypatch.setattr(limits, limit, value)
    with pytest.raises(limits.CostlyError):
        limits.within_limits(read, b"")


@pytest.mark.parametrize(
    "path", [path for path in SEEDS if path.parent.name in ADOPTED], ids=lambda path: path.name
)
def test_a_seed_of_a_standing_site_is_read_to_its_end(path: Path, tmp_path: Path) -> None:
    # A seed that its reader refuses at once would leave all behind that to chance.
    for file, text in files_of(path.read_bytes()).items():
        (tmp_path / file).write_bytes(text)
    site = read_site([tmp_path], path.parent.name.removeprefix("adopt-")).site
    assert site.devices

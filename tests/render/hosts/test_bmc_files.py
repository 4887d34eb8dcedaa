"""The files of the playbook of management controllers: one line with an account, and certificates in PEM."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.errors import SovereignError
from sovereign_ai.render.hosts.bmc_files import check_account, check_authority


def private(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("text", ["root:secret", "root:secret\n", "root:se:cret\r\n"])
def test_an_account_in_one_line_is_accepted(tmp_path: Path, text: str) -> None:
    check_account(private(tmp_path / "bmc", text))


@pytest.mark.parametrize("text", ["", "root", "root:", ":secret", "root:secret\nroot:secret"])
def test_anything_else_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(SovereignError) as refused:
        check_account(private(tmp_path / "bmc", text))
    assert "secret" not in str(refused.value.problems)


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SovereignError) as refused:
        check_authority(private(tmp_path / "ca.pem", "no certificate\n"))
    assert "certificates in PEM" in refused.value.problems[0].message

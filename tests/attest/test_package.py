"""The digest of the package's own code: every folder of it, and no compiled file."""

from __future__ import annotations

from pathlib import Path

import sovereign_ai
from sovereign_ai.attest import package


def test_every_folder_of_the_package_has_a_digest_but_compiled_files_and_playbooks() -> None:
    root = Path(sovereign_ai.__file__).parent
    folders = {path.name for path in root.iterdir() if path.is_dir()} - {"__pycache__", "playbooks"}
    digests = package.package_digests()
    assert folders <= digests.keys()
    assert "." in digests
    assert not {"__pycache__", "playbooks"} & digests.keys()


def test_the_digest_of_the_package_changes_with_that_of_a_folder() -> None:
    digests = package.package_digests()
    assert package.package_digest() == package._digest(dict(reversed(digests.items())))
    assert package.package_digest() != package._digest({**digests, "attest": "0" * 64})

"""Commands on keys that break off half-way and are given again, with a module in memory and no plane that
runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cluster.keys import control, reencrypt
from sovereign_ai.cluster.keys.control import record_levels, restore, rotate
from sovereign_ai.cluster.keys.custody import (
    PLANE,
    Custody,
    ModuleLocation,
    read_custody,
    socket_of,
    write_custody,
)
from sovereign_ai.cluster.keys.pkcs11 import ModuleError, Version
from sovereign_ai.cluster.keys.reencrypt import ReencryptedObjects, reencrypt_objects
from sovereign_ai.cluster.keys.store import Stored
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError, UsageError

LEVELS = {"research": "high", "startups": "low"}


class Token:
    """A module that keeps its keys from one login to the next, and can be told to fail."""

    def __init__(self) -> None:
        self.keys: dict[str, list[Version]] = {}
        self.fails = False

    def __call__(self, _place: ModuleLocation) -> Token:
        return self

    def versions(self, label: str) -> tuple[Version, ...]:
        return tuple(self.keys.get(label, ()))

    def generate(self, label: str) -> int:
        if self.fails:
            raise ModuleError("DeviceRemoved")
        self.keys.setdefault(label, []).append(Version(len(self.versions(label)) + 1, usable=True))
        return len(self.keys[label])

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Token:
    made = Token()
    monkeypatch.setattr(control, "Pkcs11Module", made)
    monkeypatch.setattr(reencrypt, "Pkcs11Module", made)
    return made


@pytest.fixture
def where(tmp_path: Path, token: Token) -> ClusterDir:
    """A plane whose keys are made and served."""
    place = ClusterDir("lab", tmp_path / "lab")
    place.make()
    custody = Custody(ModuleLocation(tmp_path / "module.so", "lab", tmp_path / "pin", {}), "lab-1", LEVELS)
    write_custody(place, custody)
    for key in custody.keys:
        token.generate(custody.label(key))
    serve(place)
    return place


def serve(where: ClusterDir) -> None:
    """Start the key service, as far as others see it."""
    socket_of(where, PLANE).parent.mkdir(exist_ok=True)
    for key in read_custody(where).keys:
        socket_of(where, key).touch()


def test_a_new_level_whose_key_could_not_be_made_is_taken_up_by_the_next_try(where: ClusterDir, token: Token):
    token.fails = True
    with pytest.raises(ModuleError):
        record_levels(where, LEVELS | {"added": "medium"})
    assert read_custody(where).levels == LEVELS, "nothing stands under a level whose key is not there"
    token.fails = False
    assert record_levels(where, LEVELS | {"added": "medium"})
    custody = read_custody(where)
    assert (custody.levels["added"], token.versions(custody.label("medium"))) == (
        "medium",
        (Version(1, usable=True),),
    )


def test_a_key_that_was_made_before_the_try_broke_off_is_not_made_twice(
    where: ClusterDir, token: Token, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as broken:
        broken.setattr(control, "write_custody", interrupt)
        with pytest.raises(KeyboardInterrupt):
            record_levels(where, LEVELS | {"added": "medium"})
    assert record_levels(where, LEVELS | {"added": "medium"})
    assert token.versions(read_custody(where).label("medium")) == (Version(1, usable=True),)


def test_a_key_service_that_was_not_started_again_is_by_the_next_try(
    where: ClusterDir, monkeypatch: pytest.MonkeyPatch
):
    restarted: list[str] = []
    with monkeypatch.context() as broken:
        broken.setattr(control, "_restart", interrupt)
        with pytest.raises(KeyboardInterrupt):
            record_levels(where, LEVELS | {"added": "medium"})
    monkeypatch.setattr(control, "_restart", lambda _where, name: restarted.append(name))
    assert record_levels(where, LEVELS | {"added": "medium"})
    serve(where)
    assert not record_levels(where, LEVELS | {"added": "medium"})
    assert restarted == ["keys"]


def test_a_destroyed_key_is_not_made_anew_for_what_stood_under_it_would_then_be_damaged(
    where: ClusterDir, token: Token
):
    label = read_custody(where).label("high")
    del token.keys[label]
    record_levels(where, LEVELS | {"added": "medium"})
    assert token.versions(label) == ()
    with pytest.raises(UsageError, match="destroyed"):
        rotate(where, "high", lambda _line: None)
    with pytest.raises(EnvironmentLacksError, match="key-destroyed"):
        restore(where, "high", lambda _line: None)
    assert token.versions(label) == ()


def test_reencryption_leaves_what_stands_under_a_destroyed_key_and_names_it(
    where: ClusterDir, token: Token, monkeypatch: pytest.MonkeyPatch
):
    del token.keys[read_custody(where).label("high")]
    one = Stored(b"/registry/secrets/research/login", 7, "high", "lab-1/high/1", "lab-1/plane/1")

    async def stored(_where: ClusterDir) -> list[Stored]:
        return [one]

    monkeypatch.setattr(reencrypt, "stored_values", stored)
    monkeypatch.setattr(reencrypt, "_drop_history", stored)
    assert reencrypt_objects(where, lambda _line: None) == ReencryptedObjects(0, (one,))


def interrupt(*_arguments: object) -> None:
    raise KeyboardInterrupt

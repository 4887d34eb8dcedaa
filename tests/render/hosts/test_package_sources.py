"""Package sources of hosts: what is named, by its own key, from inside the jurisdiction, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from sovereign_ai.errors import SpecError
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.hosts.hosts import inventory
from sovereign_ai.render.hosts.package_sources import SETTINGS, SOURCES, armour, package_files
from sovereign_ai.render.hosts.site_facts import PackageSource, SiteFacts, read_site_facts
from sovereign_ai.spec.factory import AIFactory
from tests.render.hosts.test_hosts import PLAYBOOKS
from tests.render.lab import stack

KEY = "mDMEawjzwxYJKwYBBAHaRw8BAQdAiTW03+7KiNCTIxlVL0MLe3f65UNNt6w3zpLHXFtWEXG0D2FyY2hpdmUuZXhhbXBsZYiQBBMWCAA4FiEEIMe5oHkLZUBWYpL1SBibQFHoX2QFAmsI88MCGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQSBibQFHoX2Sz5QEA0LzJ52EXC1Gb0gBTpVMX707SS23C27xtmuLMKvIKQS0BALEaP7ERFaO+cP4CBy0+RLK7RwcNMsAfWwrlb2St00UL"  # noqa: E501 - one literal text
GOOD = {
    "name": "debian",
    "service": "mirror",
    "uri": "https://mirror.example.at/debian",
    "suites": ["bookworm", "bookworm-security"],
    "key": KEY,
}


def given(**changes: object) -> SiteFacts:
    return SiteFacts.model_validate({"package_sources": [{**GOOD, **changes}]})


def plural_with(country: str | None) -> AIFactory:
    """Return a factory whose residency policy permits Austria alone, with its mirror under another law."""
    factory, _ = stack("plural")
    services = []
    for service in factory.services:
        changes = {"jurisdiction": country} if service.name == "mirror" else {}
        services.append(service.model_copy(update=changes))
    return factory.model_copy(update={"services": tuple(services)})


def problems(factory: AIFactory, facts: SiteFacts) -> list[tuple[str, str]]:
    try:
        inventory(factory, plan(stack("plural")[0]), facts)
    except SpecError as error:
        return [(problem.code, problem.where.field if problem.where else "") for problem in error.problems]
    return []


def test_a_source_under_the_law_of_a_permitted_country_is_written() -> None:
    facts = given()
    assert problems(stack("plural")[0], facts) == []
    texts = {file["path"]: file["content"] for file in package_files(facts)}
    assert texts[SOURCES].splitlines() == [
        "Types: deb",
        "URIs: https://mirror.example.at/debian",
        "Suites: bookworm bookworm-security",
        "Components: main",
        "Signed-By: /etc/apt/keyrings/sovereign-debian.asc",
    ]
    assert "BEGIN PGP PUBLIC KEY BLOCK" in texts["/etc/apt/keyrings/sovereign-debian.asc"]
    assert 'sourceparts "/dev/null"' in texts[SETTINGS]


@pytest.mark.parametrize("country", ["US", "CN", "RU", "GB", "CH", "IE", "DE", "IN", "IL", "SG", "JP", "BR"])
def test_a_source_abroad_is_refused(country: str) -> None:
    assert problems(plural_with(country), given()) == [("foreign-packages", "package_sources[0].service")]


def test_a_source_that_nothing_places_is_refused() -> None:
    assert problems(plural_with(None), given()) == [("unplaced-packages", "package_sources[0].service")]
    for service in ("miror", "login", "no-heartbeat", "nobody"):
        facts = given(service=service)
        assert problems(stack("plural")[0], facts) == [("unknown-service", "package_sources[0].service")]


def test_all_that_is_wrong_with_sources_is_said_at_once() -> None:
    facts = SiteFacts.model_validate(
        {"package_sources": [GOOD, {**GOOD, "service": "miror"}, {**GOOD, "name": "b", "suites": ["/", "x"]}]}
    )
    assert sorted(code for code, _ in problems(plural_with("US"), facts)) == [
        "duplicate-source",
        "foreign-packages",
        "foreign-packages",
        "mixed-suites",
        "unknown-service",
    ]


def test_every_residency_policy_must_permit_the_country() -> None:
    factory = plural_with("DE")
    wide = factory.residency[0].model_copy(update={"data": "wide", "within": ("AT", "DE")})
    both = factory.model_copy(update={"residency": (*factory.residency, wide)})
    assert problems(both, given()) == [("foreign-packages", "package_sources[0].service")]
    assert problems(factory.model_copy(update={"residency": (wide,)}), given()) == [], "the control"


def test_without_a_residency_policy_the_sites_countries_count() -> None:
    bare = plural_with("AT").model_copy(update={"residency": ()})
    assert problems(bare, given()) == []
    abroad = plural_with("DE").model_copy(update={"residency": ()})
    assert problems(abroad, given()) == [("foreign-packages", "package_sources[0].service")]


@pytest.mark.parametrize(
    "uri",
    [
        "http://packages.example.org/debian",
        "http://mirror.example.at/debian",
        "http://172.32.0.1/debian",
        "http://11.0.0.1/debian",
        "http://192.169.0.1/",
        "ftp://mirror.example.at/debian",
        "file:///srv/debian",
        "cdrom:[x]/",
        "copy:/srv",
        "mirror+https://mirror.example.at/list",
        "tor+https://mirror.example.at/",
        "https://user:word@mirror.example.at/",
        "https://mirror.example.at/../x",
        "https://mirror.example.at/a\nTrusted: yes",
        "https://mirror.example.at/a b",
        "https://mirror.example.at/?x=1",
        "https://",
    ],
)
def test_a_source_without_tls_or_of_another_form_is_refused(uri: str) -> None:
    with pytest.raises(ValidationError):
        given(uri=uri)


@pytest.mark.parametrize(
    "uri",
    [
        "https://mirror.example.at",
        "https://mirror.example.at:8443/debian/",
        "http://10.64.0.9/debian",
        "http://172.31.0.1:8080/d",
        "http://192.168.1.1/",
    ],
)
def test_tls_and_private_addresses_are_permitted(uri: str) -> None:
    assert problems(stack("plural")[0], given(uri=uri)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"suites": []},
        {"suites": ["bookworm [trusted=yes]"]},
        {"suites": ["bookworm\nTrusted: yes"]},
        {"suites": ["../bookworm"]},
        {"components": ["main\nTrusted: yes"]},
        {"components": ["Main"]},
        {"trusted": True},
        {"key": ""},
        {"key": "A" * 200},
        {"key": b64encode(b"\x94" + b64decode(KEY)[1:]).decode()},
        {"key": KEY[:-1] + "\n"},
        {"key": "-----BEGIN PGP PUBLIC KEY BLOCK-----"},
        {"name": "../../x"},
    ],
)
def test_what_would_weaken_a_source_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        given(**changes)


def test_a_source_without_a_key_is_refused() -> None:
    with pytest.raises(ValidationError):
        SiteFacts.model_validate({"package_sources": [{name: GOOD[name] for name in GOOD if name != "key"}]})


def test_a_folder_of_packages_has_no_components() -> None:
    text = {file["path"]: file["content"] for file in package_files(given(suites=["/"]))}[SOURCES]
    assert "Suites: /\n" in text
    assert "Components" not in text


def test_the_file_of_a_site_is_read_with_its_sources(tmp_path: Path) -> None:
    file = tmp_path / "hosts.yaml"
    file.write_text(yaml.safe_dump({"package_sources": [GOOD]}, width=100_000), encoding="utf-8")
    assert read_site_facts(file).package_sources == (PackageSource.model_validate(GOOD),)


def test_without_sources_nothing_is_written_and_it_is_said() -> None:
    assert package_files(SiteFacts()) == []
    assert any(line.startswith("package_sources:") for line in SiteFacts().lacking())
    assert given().lacking()
    assert not any("package_sources" in line for line in given().lacking())


def test_the_role_sets_the_sources_before_it_installs_a_package() -> None:
    tasks = yaml.safe_load((PLAYBOOKS / "roles/baseline/tasks/main.yml").read_text(encoding="utf-8"))
    names = [task["name"] for task in tasks]
    assert names.index("Package sources") < names.index("Lists of these sources") < names.index("Packages")


LEFT_BEHIND = {
    "sources.list": "deb https://left.example/debian bookworm main\n",
    "sources.list.d/vendor.list": "deb [trusted=yes] http://left.example/b ./\n",
    "sources.list.d/debian.sources": (
        "Types: deb\nURIs: http://left.example/c\nSuites: bookworm\nComponents: main\n"
    ),
    "sources.list.d/zz.sources": "Types: deb\nURIs: http://left.example/d\nSuites: /\nTrusted: yes\n",
    "sources.list.d/option.list": "deb [allow-insecure=yes] http://left.example/e bookworm main\n",
    "apt.conf": 'Dir::Etc::sourcelist "sources.list";\nAcquire::AllowInsecureRepositories "true";\n',
    "apt.conf.d/00parts": 'Dir::Etc::sourceparts "sources.list.d";\n',
    "apt.conf.d/20main": 'Dir::Etc::sourcelist "sources.list";\n',
    "apt.conf.d/70insecure": 'Acquire::AllowInsecureRepositories "true";\n',
    "apt.conf.d/90unsigned": 'APT::Get::AllowUnauthenticated "true";\n',
    "apt.conf.d/99peer": 'Acquire::https::Verify-Peer "false";\n',
    "apt.conf.d/Zdowngrade": 'Acquire::AllowDowngradeToInsecureRepositories "true";\n',
    "apt.conf.d/z-weak": 'Acquire::AllowWeakRepositories "true";\n',
}


def machine(folder: Path, facts: SiteFacts) -> Path:
    """Return the root of a machine with what others left there and what the role writes."""
    for name, text in LEFT_BEHIND.items():
        file = folder / "etc/apt" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for written in package_files(facts):
        file = folder / written["path"].removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written["content"], encoding="utf-8")
    for name in ("var/lib/apt/lists/partial", "var/lib/dpkg", "var/cache/apt", "etc/apt/preferences.d"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "var/lib/dpkg/status").touch()
    # apt looks for its own programs, and for dpkg's table of architectures, below the same root.
    for parent, name in (("usr/share", "dpkg"), ("usr/lib", "apt")):
        (folder / parent).mkdir(parents=True)
        (folder / parent / name).symlink_to(Path("/") / parent / name)
    root = folder / "root.conf"
    root.write_text(f'RootDir "{folder}";\n', encoding="utf-8")
    return root


def ask(root: Path, *words: str) -> str:
    done = subprocess.run(
        words, env={"APT_CONFIG": str(root), "PATH": "/usr/bin"}, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt")
def test_apt_itself_asks_the_named_sources_alone(tmp_path: Path) -> None:
    before = ask(machine(tmp_path / "before", SiteFacts()), "apt-get", "update", "--print-uris")
    assert "left.example" in before, "the control: what is left behind counts without sources of our own"
    root = machine(tmp_path / "after", given())
    asked = [
        line.split()[0].strip("'") for line in ask(root, "apt-get", "update", "--print-uris").splitlines()
    ]
    assert asked
    assert all(uri.startswith("https://mirror.example.at/debian/dists/bookworm") for uri in asked)
    settings = ask(root, "apt-config", "dump")
    for weak in ("AllowInsecureRepositories", "AllowWeakRepositories", "AllowUnauthenticated", "ToInsecure"):
        assert all('"true"' not in line for line in settings.splitlines() if weak in line)
    assert 'Acquire::https::Verify-Peer "false"' not in settings


@pytest.mark.skipif(shutil.which("gpg") is None, reason="needs gpg")
def test_gnupg_itself_reads_the_armoured_key(tmp_path: Path) -> None:
    file = tmp_path / "key.asc"
    file.write_text(armour(b64decode(KEY)), encoding="ascii")
    words = ["gpg", "--homedir", str(tmp_path), "--show-keys", "--with-colons", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "archive.example" in done.stdout
    assert subprocess.run(
        ["gpg", "--dearmor"], input=file.read_bytes(), capture_output=True, check=True
    ).stdout == (b64decode(KEY))

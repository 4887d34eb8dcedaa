"""Check where a stack's own files send its state and its secrets, before the engine reads them.

The engine connects to whatever `Pulumi.yaml` and `Pulumi.<stack>.yaml` name: a key service abroad
(`secretsprovider: awskms://…`), a backend in another country, an environment of Pulumi's cloud. This tool
keeps the state in a folder and its secrets under a key file. Everything else is refused by its name, without
a connection to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.errors import EnvironmentLacksError, Problem, SpecError, Where
from sovereign_ai.files import PROJECT, SETTINGS, FileKind, decode, load_foreign, read, tags, top_keys

_ENDINGS = (".yaml", ".yml", ".json")
"""Every ending by which Pulumi finds a project or a stack's settings (sdk/go/common/encoding)."""
_NAMES = {
    name.casefold(): name
    for name in (
        "backend",
        "stackConfigDir",
        "config",
        "packages",
        "plugins",
        "secretsprovider",
        "encryptedkey",
        "encryptionsalt",
        "environment",
    )
}
"""The fields that are checked, by their lower-case name: Pulumi ignores the case of names in JSON."""
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq", "merge"))
"""Tags under which every reader sees the same text.

By any other, such as `!!binary`, Go reads a name that Python does not.
"""
_PINNED = frozenset({"kubernetes", "sovereign", "sovereign-hosts"})
"""Packages whose plugins are this tool's own, or pinned; rules trust what their resources say."""
_PLUGIN = "PulumiPlugin"
_PASSPHRASE = ("", "passphrase", "default")
"""Names of the provider that encrypts under the key file.

For a backend in a folder, `default` is that one.
"""
_KEY_FILE = (
    "leave it out; secrets are encrypted under the key file, "
    "which SOVEREIGN_AI_KEY_FILE can put on a disk of its own"
)
_FOLDER = "leave it out; the state is a folder below XDG_STATE_HOME"


def require_own_backends(folder: Path, stack: str, backend: Path) -> None:
    """Refuse a stack whose files send state, settings or secrets elsewhere.

    Args:
        folder: the stack's folder.
        stack: the Pulumi stack's name.
        backend: the folder of the state.

    Raises:
        SpecError: every field that sends them elsewhere.
    """
    problems: list[Problem] = []
    projects = _present(folder, "Pulumi")
    if len(projects) > 1:
        names = ", ".join(path.name for path in projects)
        message = f"the folder holds several project files ({names}), and Pulumi reads one of them"
        problems.append(Problem("several-projects", message, Where(str(folder)), "keep Pulumi.yaml alone"))
    for path in projects:
        problems += _project_problems(path, backend)
    for path in _present(folder, f"Pulumi.{stack}"):
        problems += _settings_problems(path)
    if problems:
        raise SpecError(problems)


def require_passphrase(checkpoint: Checkpoint | None, where: Path) -> None:
    """Refuse a state whose secrets are not encrypted under the key file: the engine would call a provider.

    Args:
        checkpoint: the state; None if there is no stack yet.
        where: its file.

    Raises:
        EnvironmentLacksError: another provider encrypts the secrets.
    """
    provider = checkpoint.secrets_provider if checkpoint is not None else ""
    if provider not in _PASSPHRASE:
        command = "`pulumi stack change-secrets-provider passphrase`"
        hint = f"bring it to the key file with the provider that it has: {command}"
        message = (
            f"the secrets of this state are under the provider {provider[:80]!r}, "
            "which would be asked over the network"
        )
        raise EnvironmentLacksError(Problem("foreign-secrets", message, Where(str(where)), hint))


def _present(folder: Path, stem: str) -> list[Path]:
    """Return what lies under a name with any ending that Pulumi reads.

    A pipe or a device is read by the engine too, and says something else each time: it is refused where it is
    read here.
    """
    paths = []
    for ending in _ENDINGS:
        path = folder / f"{stem}{ending}"
        if os.path.lexists(path):
            paths.append(path)
    return paths


def _project_problems(path: Path, backend: Path) -> Iterator[Problem]:
    """Yield the problems of a project file."""
    data = _mapping(path, PROJECT)
    for url in _urls(data.get("backend")):
        if url is None or url in ("", f"file://{backend}"):
            continue
        message = f"it keeps the state at {_brief(url)}, and not on this machine's own disk"
        yield Problem("foreign-backend", message, Where(str(path), field="backend.url"), _FOLDER)
    if data.get("plugins"):
        message = "it names plugins, which the engine would run in place of the pinned ones"
        hint = "leave it out; `sovereign-ai tools install` installs the Kubernetes provider"
        yield Problem("foreign-settings", message, Where(str(path), field="plugins"), hint)
    yield from _package_problems(path, data, path.parent, set())
    for field in ("stackConfigDir", "config"):
        # `config` names a folder in older projects, and is a mapping of settings in newer ones.
        if isinstance(data.get(field), str):
            message = f"it keeps the stacks' settings in {data[field][:80]!r}, where they are not judged"
            hint = "leave it out; keep them beside Pulumi.yaml"
            yield Problem("foreign-settings", message, Where(str(path), field=field), hint)


def _package_problems(path: Path, data: dict[str, Any], root: Path, seen: set[Path]) -> Iterator[Problem]:
    """Yield the packages of a project, and of local packages in turn, that take a pinned plugin's place.

    The engine prefers a folder that a project names to every installed plugin, and reads the folder of a
    package's own package from the project's folder, too (`collectPluginsFromPackages` of Pulumi 3.259).

    Args:
        path: the file of a project, or of a local package.
        data: what it holds.
        root: the project's folder.
        seen: files that were read, to which those that are read here are added.
    """
    packages = data.get("packages")
    for name, spec in (packages if isinstance(packages, dict) else {}).items():
        fields = {str(key).casefold(): value for key, value in spec.items()} if isinstance(spec, dict) else {}
        source = fields.get("source", "") if fields else spec
        is_text = isinstance(source, str)
        is_published = is_text and source.partition("@")[0] == name and not fields.get("parameters")
        if name in _PINNED and not is_published:
            message = f"it has the engine run {_brief(source)} in place of the pinned plugin {name!r}"
            hint = "leave it out, or give the package another name"
            yield Problem("foreign-settings", message, Where(str(path), field=f"packages.{name}"), hint)
        if is_text and "\0" not in source:
            for file in _present(root / source, _PLUGIN):
                if file not in seen:
                    seen.add(file)
                    yield from _package_problems(file, _mapping(file, PROJECT), root, seen)


def _urls(backend: Any) -> list[Any]:
    """Return each value that some reader takes for the URL of a project's backend."""
    if not isinstance(backend, dict):
        return [backend]
    return [value for name, value in backend.items() if str(name).casefold() == "url"]


def _settings_problems(path: Path) -> Iterator[Problem]:
    """Yield the problems of a stack's settings."""
    data = _mapping(path, SETTINGS)
    provider = data.get("secretsprovider")
    if provider is not None and provider not in _PASSPHRASE:
        message = f"it encrypts secrets under {_brief(provider)}, and not under the key file"
        yield Problem("foreign-secrets", message, Where(str(path), field="secretsprovider"), _KEY_FILE)
    if data.get("encryptedkey"):
        message = "it holds a key that a key service must open"
        yield Problem("foreign-secrets", message, Where(str(path), field="encryptedkey"), _KEY_FILE)
    salt = data.get("encryptionsalt")
    if salt is not None and not (isinstance(salt, str) and salt.startswith("v1:")):
        message = "its salt is not one of a passphrase"
        hint = "remove the line; it is restored from the state"
        yield Problem("bad-salt", message, Where(str(path), field="encryptionsalt"), hint)
    if data.get("environment"):
        message = "it takes settings from environments of Pulumi's cloud"
        hint = "write the settings under `config`"
        yield Problem("foreign-settings", message, Where(str(path), field="environment"), hint)


def _brief(value: Any) -> str:
    """Return a value in few letters: by aliases, a list of a hundred letters may be gigabytes of text."""
    if isinstance(value, list | dict):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(str(value)[:80])


def _mapping(path: Path, kind: FileKind) -> dict[str, Any]:
    """Return a file's fields as Pulumi reads them: with anchors and merge keys, and JSON names in any case.

    Raises:
        SpecError: it cannot be read, so that it cannot be checked, or it has a field twice.
    """
    text = decode(read(path, kind), str(path), kind)
    try:
        _refuse_tags(text, path)
        keys = top_keys(text)
        data = load_foreign(text)
    except (yaml.YAMLError, ValueError) as error:
        reason = type(error).__name__
        message = f"it cannot be read, so that where it sends state and secrets is unknown ({reason})"
        raise SpecError(
            Problem("settings-damaged", message, Where(str(path)), "put it back as it was")
        ) from None
    if not isinstance(data, dict):
        return {}
    # The mapping has lost duplicate keys already.
    names = [key.casefold() for key in keys]
    twice = [name for name in sorted(_NAMES) if names.count(name) > 1]
    if twice:
        message = f"it holds {', '.join(twice)} twice, and two readers would take two values"
        raise SpecError(Problem("duplicate-key", message, Where(str(path)), "keep one"))
    return {_NAMES.get(str(name).casefold(), str(name)): value for name, value in data.items()}


def _refuse_tags(text: str, path: Path) -> None:
    """Refuse a text with tags by which two readers would see two different names or values.

    Raises:
        SpecError: there is one.
        yaml.YAMLError: it is no YAML.
    """
    for tag, line, column in tags(text):
        if tag not in _PLAIN_TAGS:
            where = Where(str(path), line, column)
            message = "a tag ('!') makes Pulumi read something else than what is written here"
            raise SpecError(Problem("yaml-feature", message, where, "remove the tag, and write the text out"))

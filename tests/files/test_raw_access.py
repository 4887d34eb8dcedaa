"""No module opens, reads or writes a file by itself: `sovereign_ai.files` does, bounded and without waiting.

The table below has every exception, as module and function. An entry that is not used any more fails too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sovereign_ai

ROOT = Path(sovereign_ai.__file__).parents[1]
FOLDERS = ("sovereign_ai", "policies", "stacks", "benchmarks")
METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "touch", "load_cert_chain"}
"""Names that open a file by its path, whatever they are called on."""
FUNCTIONS = {
    *(f"{module}.load" for module in ("json", "tomllib", "pickle", "marshal", "yaml", "numpy", "np")),
    *(f"shutil.{name}" for name in ("copy", "copy2", "copyfile", "copytree", "move", "unpack_archive")),
    "configparser.read",
    "linecache.getlines",
    "os.truncate",
    "subprocess.check_output",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "urllib.request.urlopen",
    "zipfile.ZipFile",
}
OPENING = {"os.open", "io.open", "tarfile.open", "Path.open"}
TRUST = {"create_default_context", "load_verify_locations"}
"""Of these, OpenSSL opens a file where one is named, and waits for a pipe."""
WHOLE = {"communicate", "read", "readline", "readlines"}
"""Without a number of bytes they read what another process sends, to its end."""
STREAMS = {"stdin", "stdout", "stderr"}
SAFE_FLAGS = ("O_DIRECTORY", "O_PATH")
"""With one of these nothing is read, and a pipe is not waited for."""

STACK_FILES = "it is `StackFiles.read`, which is bounded"
STANDS_ALONE = "it runs where this package cannot be imported, on files of the kernel or of its caller"
IMAGE = "its recipe is a digest of its code; it handles what this run made in its own work folder"
MODULES = "Go's own cache of modules, whose digest is pinned"
NAMESPACE = "a namespace, which is opened and not read"
CONSOLE = "a pipe of this program's own twin, in a folder of root"
BENCH = "a folder that this benchmark made a moment ago"
_DEPLOY, _TOOLCHAIN, _TWIN = (f"sovereign_ai/{name}" for name in ("deploy", "toolchain", "fabric_twin"))
_NODE = f"{_TOOLCHAIN}/node_image"
ALLOWED: dict[tuple[str, str], str] = {
    ("sovereign_ai/cluster/keys/pkcs11.py", "open_session"): "a session of a key module, and no file",
    ("sovereign_ai/cluster/keys/secret_proxy.py", "SecretProxy._open"): "it decrypts, and opens no file",
    ("sovereign_ai/cluster/kind/network_namespace.py", "listen.enter"): NAMESPACE,
    ("sovereign_ai/cluster/tls.py", "load_pair"): "a file in memory, of which OpenSSL gets the descriptor",
    (f"{_DEPLOY}/engine/supervisor.py", "session_members"): STANDS_ALONE,
    (f"{_DEPLOY}/language_host/owner_only.py", "entries"): STANDS_ALONE,
    (f"{_DEPLOY}/language_host/owner_only.py", "own_account"): STANDS_ALONE,
    (f"{_DEPLOY}/removal/left_behind.py", "unplanned_stacks"): STACK_FILES,
    (f"{_DEPLOY}/state/check.py", "_accept"): STACK_FILES,
    (f"{_DEPLOY}/state/classification.py", "classify"): STACK_FILES,
    (f"{_DEPLOY}/state/move.py", "_require_free"): STACK_FILES,
    (f"{_DEPLOY}/state/store.py", "CommandState.saved"): STACK_FILES,
    (f"{_DEPLOY}/state/store.py", "CommandState._require_held"): STACK_FILES,
    (f"{_DEPLOY}/state/store.py", "_saved"): STACK_FILES,
    (f"{_TWIN}/infiniband/subnet.py", "RunningSubnet._spawn"): CONSOLE,
    (f"{_TWIN}/infiniband/subnet.py", "RunningSubnet.console"): CONSOLE,
    (f"{_TWIN}/namespace.py", "within.inside"): NAMESPACE,
    (f"{_TWIN}/namespace.py", "sysctl.write"): "a setting of the kernel, of a name in the code",
    (f"{_TOOLCHAIN}/container_engine/trim.py", "bounding_set"): STANDS_ALONE,
    (f"{_TOOLCHAIN}/container_engine/trim.py", "rewrite"): STANDS_ALONE,
    (f"{_TOOLCHAIN}/fetch.py", "_pieces"): "a download, read in pieces up to a limit",
    (f"{_TOOLCHAIN}/install.py", "_by_source"): MODULES,
    (f"{_TOOLCHAIN}/source.py", "_copy"): MODULES,
    (f"{_NODE}/archive.py", "file_sha256"): IMAGE,
    (f"{_NODE}/archive.py", "write_layer"): IMAGE,
    (f"{_NODE}/archive.py", "write_oci"): IMAGE,
    (f"{_NODE}/archive.py", "write_docker"): IMAGE,
    (f"{_NODE}/archive.py", "_add"): IMAGE,
    (f"{_NODE}/build.py", "recipe"): "a file of this package",
    (f"{_NODE}/build.py", "build"): IMAGE,
    (f"{_NODE}/build.py", "_dress"): IMAGE,
    (f"{_NODE}/debian.py", "tool_tree"): IMAGE,
    (f"{_NODE}/debian.py", "packages"): IMAGE,
    (f"{_NODE}/debian.py", "_mmdebstrap"): IMAGE,
    (f"{_NODE}/debian.py", "_sources"): "what apt of this machine prints, which root installed",
    (f"{_NODE}/parts.py", "image_names"): "what a tool prints whose digest is pinned",
    (f"{_NODE}/parts.py", "_base_spec"): "what a tool prints whose digest is pinned",
    (f"{_NODE}/parts.py", "_files"): "a file of this package",
    ("benchmarks/deploy.py", "describe"): BENCH,
    ("benchmarks/deploy.py", "change"): BENCH,
    ("benchmarks/deploy.py", "seconds"): "what this project's own command prints",
    ("benchmarks/mutate_rules.py", "main"): "a file of this repository",
    ("benchmarks/pack.py", "main"): BENCH,
    ("benchmarks/reading.py", "main"): "PyYAML by itself, with which the reader is compared",
}
"""Module and function to why it may."""


class _Finder(ast.NodeVisitor):
    """Finds the functions of a module that open, read or write by themselves."""

    def __init__(self) -> None:
        self.found: dict[str, list[int]] = {}
        self._names: list[str] = []
        self._spared: set[ast.AST] = set()
        self._called: set[ast.AST] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self._names.append(node.name)
        self.generic_visit(node)
        self._names.pop()

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef  # noqa: N815

    def visit_Call(self, node: ast.Call) -> None:
        self._called.add(node.func)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if _is_safe(node):
            self._spared.add(node.func)
        if name in WHOLE and not node.args and not node.keywords:
            self._note(node)
        if name in TRUST and (node.args or any(one.arg in {"cafile", "capath"} for one in node.keywords)):
            self._note(node)
        if any(one.arg == "capture_output" for one in node.keywords):
            self._note(node)
        self.generic_visit(node)

    def visit_For(self, node: ast.For | ast.comprehension) -> None:
        # By lines, of which each may be without an end.
        if isinstance(node.iter, ast.Attribute) and node.iter.attr in STREAMS:
            self._note(node.iter)
        self.generic_visit(node)

    visit_comprehension = visit_For

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = ast.unparse(node)
        # `open` is a field of some results too, which nobody calls.
        is_open = node.attr == "open" and (node in self._called or dotted in OPENING)
        named = node.attr in METHODS or dotted in FUNCTIONS or is_open
        if named and node not in self._spared:
            self._note(node)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == "open" and isinstance(node.ctx, ast.Load) and node not in self._spared:
            self._note(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        # As `getattr` would name it.
        if node.value in METHODS - {"touch"}:
            self._note(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if f"{node.module}.{alias.name}" in FUNCTIONS | OPENING:
                self._note(node)

    def _note(self, node: ast.expr | ast.stmt) -> None:
        self.found.setdefault(".".join(self._names), []).append(node.lineno)


def _is_safe(call: ast.Call) -> bool:
    """Return whether a call of `open` opens no file by its path, or one that cannot be another."""
    function = ast.unparse(call.func)
    arguments = [ast.unparse(argument) for argument in call.args]
    if function == "tarfile.open":
        return not call.args and any(one.arg == "fileobj" for one in call.keywords)
    if function == "Path(os.devnull).open" or arguments[:1] == ["os.devnull"]:
        return True
    return function == "os.open" and any(flag in part for flag in SAFE_FLAGS for part in arguments[1:])


def _found(text: str) -> dict[str, list[int]]:
    finder = _Finder()
    finder.visit(ast.parse(text))
    return finder.found


def _modules() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not path.is_relative_to(ROOT / "sovereign_ai" / "files"):
                yield path


def test_only_the_readers_and_writers_open_files_and_every_exception_is_still_used() -> None:
    used: set[tuple[str, str]] = set()
    outside: list[str] = []
    for path in _modules():
        module = str(path.relative_to(ROOT))
        for function, lines in _found(path.read_text(encoding="utf-8")).items():
            if (module, function) in ALLOWED:
                used.add((module, function))
            else:
                outside += [f"{module}:{line}, in {function or 'the module'}" for line in lines]
    assert outside == []
    assert ALLOWED.keys() - used == set()


@pytest.mark.parametrize(
    "text",
    [
        "path.read_text()",
        "map(Path.read_bytes, paths)",
        "getattr(path, 'write_text')(x)",
        "path.touch()",
        "open(path)",
        "use = open",
        "use = os.open",
        "path.open('rb')",
        "os.open(path, os.O_RDONLY | os.O_NOFOLLOW)",
        "from os import open as o",
        "json.load(file)",
        "tarfile.open(path)",
        "tarfile.open(path, fileobj=None)",
        "shutil.copyfile(a, b)",
        "from shutil import copyfile",
        "tls.load_cert_chain(path)",
        "tls.load_verify_locations(path)",
        "ssl.create_default_context(cafile=path)",
        "answer.read()",
        "process.communicate()",
        "for line in process.stdout: print(line)",
        "lines = [line for line in self.process.stderr]",
        "subprocess.run(command, capture_output=True)",
        "urllib.request.urlopen(url)",
    ],
)
def test_the_search_finds_each_way_to_open_read_or_write(text: str) -> None:
    assert _found(f"def f():\n    {text}").keys() == {"f"}


@pytest.mark.parametrize(
    "text",
    [
        "os.open(folder, os.O_RDONLY | os.O_DIRECTORY)",
        "os.open(os.devnull, os.O_WRONLY)",
        "tarfile.open(fileobj=file)",
        "answer.read(1024)",
        "ssl.create_default_context(cadata=text)",
        "ssl.create_default_context()",
        "read(path, DESCRIPTION)",
        "answer.open",
    ],
)
def test_the_search_passes_over_what_opens_nothing_by_its_path(text: str) -> None:
    assert _found(text) == {}

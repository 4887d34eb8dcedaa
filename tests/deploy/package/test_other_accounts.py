"""The added language hosts and the package answer no other account of the machine.

As root, which becomes another one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.deploy import package
from sovereign_ai.toolchain.install import find
from tests.attack.other_account import as_nobody, interpreter

pytestmark = pytest.mark.languages
FIRST_BYTES = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20) as way:
    way.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    try:
        print(len(way.recv(9)))
    except ConnectionError:
        print(0)
"""
"""Opens HTTP/2 with empty settings, and prints how many bytes of the server's first frame come back."""


@pytest.fixture(params=["pulumi-language-yaml", "pulumi-language-nodejs", "package"])
def port(request: pytest.FixtureRequest) -> Iterator[str]:
    """The port of one plugin."""
    folder = str(Path(package.__file__).parent)
    command = (
        [sys.executable, "-u", folder, "127.0.0.1:1"]
        if request.param == "package"
        else [str(find(request.param))]
    )
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def test_a_plugin_answers_its_own_account_alone(port: str) -> None:
    command = (interpreter(), "-I", "-c", FIRST_BYTES, port)
    own, other = (
        subprocess.run(words, capture_output=True, text=True, cwd="/", timeout=60, check=True).stdout.strip()
        for words in (command, as_nobody(*command))
    )
    assert (own, other) == ("9", "0")

"""Rows for tools that do not exist, and binaries that say a version."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sovereign_ai.toolchain.fetch import this_platform
from sovereign_ai.toolchain.table import Release, Tool

NAME = "imaginary-tool"


def script(version: str) -> bytes:
    return f"#!/bin/sh\necho {NAME} {version}\n".encode()


def put(folder: Path, version: str, name: str = NAME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(script(version))
    path.chmod(0o755)
    return path


def row(*releases: Release, debian: str = "") -> Tool:
    return Tool(
        name=NAME,
        version="1.2.3",
        at_least=(1, 2),
        below=(1, 3),
        purpose="tests",
        licence="MIT",
        supplier="nobody",
        releases=releases,
        debian=debian,
    )


def release(url: str, content: bytes, member: str = "") -> Release:
    return Release(
        platform=this_platform(), url=url, sha256=hashlib.sha256(content).hexdigest(), member=member
    )

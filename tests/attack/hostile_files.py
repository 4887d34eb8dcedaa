"""Files that are not what they seem, each made from a good one, for readers of grants, logs and heads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

Make = Callable[[Path, bytes], object]
"""Makes a file at a path where the good one would hold these bytes."""


def _first_member_twice(path: Path, good: bytes) -> None:
    """Write the first member of an object a second time, behind the last one."""
    start = good.index(b'"')
    name = good[start : good.index(b'"', start + 1) + 1]
    end = good.rstrip().removesuffix(b"}")
    path.write_bytes(end + b"," + name + b': "x"}\n')


def _behind_a_link(path: Path, _good: bytes) -> None:
    path.symlink_to(path.with_name("nowhere"))


HOSTILE: dict[str, Make] = {
    "nothing": lambda path, _: path.write_bytes(b""),
    "blanks": lambda path, _: path.write_bytes(b" \n\t\n "),
    "half of it": lambda path, good: path.write_bytes(good[: len(good) // 2]),
    "something behind it": lambda path, good: path.write_bytes(good + b"{}"),
    "it twice": lambda path, good: path.write_bytes(good + good),
    "a member twice": _first_member_twice,
    "a list": lambda path, good: path.write_bytes(b"[" + good + b"]"),
    "null": lambda path, _: path.write_bytes(b"null"),
    "NaN": lambda path, good: path.write_bytes(good.rstrip().removesuffix(b"}") + b',"more": NaN}'),
    "no end of a number": lambda path, good: path.write_bytes(
        good.rstrip().removesuffix(b"}") + b',"more": ' + b"9" * 5000 + b"}"
    ),
    "a member more": lambda path, good: path.write_bytes(good.rstrip().removesuffix(b"}") + b',"more": "x"}'),
    "nested for ever": lambda path, _: path.write_bytes(b"[" * 60_000),
    "megabytes": lambda path, good: path.write_bytes(good + b" " * (17 << 20)),
    "UTF-16": lambda path, good: path.write_bytes(good.decode().encode("utf-16")),
    "no UTF-8": lambda path, good: path.write_bytes(good.replace(b'"', b'"\xff', 1)),
    "half a letter": lambda path, good: path.write_bytes(good.replace(b'"', b'"\\ud800', 1)),
    "a null byte": lambda path, good: path.write_bytes(good.replace(b'"', b'"\0', 1)),
    "a pipe": lambda path, _: os.mkfifo(path),
    "a folder": lambda path, _: path.mkdir(),
    "a device": lambda path, _: path.symlink_to("/dev/zero"),
    "a terminal": lambda path, _: path.symlink_to("/dev/tty"),
    "a link to nowhere": _behind_a_link,
    "a link to itself": lambda path, _: path.symlink_to(path),
}


def remove(path: Path) -> None:
    """Remove what is there, whatever it is."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)

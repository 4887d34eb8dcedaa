"""Declare protobuf messages at run time: only the fields that are read or written, without generated code.

protobuf keeps undeclared fields as they came, so that a message that is forwarded loses nothing.

    >>> Pair = declare("example", "message Pair { bytes key = 1; bytes value = 2; }")["Pair"]
    >>> Pair.FromString(Pair(key=b"a", value=b"b").SerializeToString()).value
    b'b'
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

_SCALARS = {
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
}
_COMMENT = re.compile(r"//[^\n]*")
_MESSAGE = re.compile(r"\s*message (\w+) \{([^{}]*)\}\s*")
_FIELD = re.compile(r"\s*(repeated )?(map<string, \w+>|\w+) (\w+) = (\d+);\s*")
_MAP = "map<string, "


def declare(package: str, source: str) -> dict[str, Any]:
    """Return message classes of one package, by name.

    Args:
        package: the protocol's package.
        source: the messages, in the language of `.proto` files: `message Pair { bytes key = 1; }`. A type is
            `bytes`, `string`, `int32`, `int64`, `bool` or another of the messages; a field may be `repeated`,
            or a `map` from `string`.

    Raises:
        ValueError: the text is something else, which is a defect of the caller.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, body in _matches(_MESSAGE, _COMMENT.sub("", source)):
        message = file.message_type.add(name=name)
        for field in _matches(_FIELD, body):
            _add_field(package, message, *field)
    # A pool of its own: the default one refuses two declarations of a package.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    classes = {}
    for message in file.message_type:
        descriptor = pool.FindMessageTypeByName(f"{package}.{message.name}")
        classes[message.name] = message_factory.GetMessageClass(descriptor)
    return classes


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, ...]]:
    """Yield the groups of each match of a pattern; the matches are the whole text."""
    position = 0
    while position < len(text.rstrip()):
        match = pattern.match(text, position)
        if match is None:
            message = f"cannot read as protobuf: {text[position:].strip()}"
            raise ValueError(message)
        yield match.groups(default="")
        position = match.end()


def _add_field(package: str, message: Any, repeated: str, kind: str, name: str, number: str) -> None:
    """Add one field to a message, from the groups of its match."""
    kinds = descriptor_pb2.FieldDescriptorProto
    field = message.field.add(name=name, number=int(number), label=kinds.LABEL_OPTIONAL)
    if kind.startswith(_MAP):
        # protobuf requires an entry message of exactly this name for a map.
        entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add_field(package, entry, "", "string", "key", "1")
        _add_field(package, entry, "", kind.removeprefix(_MAP).removesuffix(">"), "value", "2")
        field.label, field.type = kinds.LABEL_REPEATED, kinds.TYPE_MESSAGE
        field.type_name = f".{package}.{message.name}.{entry.name}"
        return
    if repeated:
        field.label = kinds.LABEL_REPEATED
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = kinds.TYPE_MESSAGE, f".{package}.{kind}"

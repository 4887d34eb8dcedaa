"""Protobuf messages declared at run time: only the fields that somebody reads or writes, and no generated code.

What is not declared is kept as it came, so a message that passes through loses nothing.

    >>> Pair = declare("example", {"Pair": {"key": (1, "bytes"), "value": (2, "bytes")}})["Pair"]
    >>> Pair.FromString(Pair(key=b"a", value=b"b").SerializeToString()).value
    b'b'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]

_SCALARS = {
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
}
Fields = Mapping[str, tuple[int, str]]
"""Field name to number and type; `*` in front means repeated, `map:` a map from text to what follows."""


def declare(package: str, messages: Mapping[str, Fields]) -> dict[str, Any]:
    """Make message classes of one package, by name.

    Args:
        package: the protocol's package.
        messages: message to its fields; a type is `bytes`, `string`, `int32`, `int64`, `bool` or another message.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add(package, message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in messages}


def _add(package: str, message: Any, name: str, number: int, kind: str) -> None:
    """Add one field to a message."""
    kinds = descriptor_pb2.FieldDescriptorProto
    field = message.field.add(name=name, number=number, label=kinds.LABEL_OPTIONAL)
    if kind.startswith("map:"):
        entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add(package, entry, "key", 1, "string")
        _add(package, entry, "value", 2, kind.removeprefix("map:"))
        field.label, field.type, field.type_name = kinds.LABEL_REPEATED, kinds.TYPE_MESSAGE, f".{package}.{message.name}.{entry.name}"
        return
    if kind.startswith("*"):
        field.label, kind = kinds.LABEL_REPEATED, kind[1:]
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = kinds.TYPE_MESSAGE, f".{package}.{kind}"

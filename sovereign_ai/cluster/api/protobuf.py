"""Declare protobuf messages at run time: only the fields that are read or written, without generated code.

protobuf keeps undeclared fields as they came, so that a message that is forwarded loses nothing.

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
"""Field name to number and type; the prefix `*` means repeated, `map:` a map from text to that type."""


def declare(package: str, messages: Mapping[str, Fields]) -> dict[str, Any]:
    """Return message classes of one package, by name.

    Args:
        package: the protocol's package.
        messages: message to its fields; a type is `bytes`, `string`, `int32`, `int64`, `bool` or another
            message.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add(package, message, field, number, kind)
    # A pool of its own: the default one refuses two declarations of a package.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    classes = {}
    for name in messages:
        descriptor = pool.FindMessageTypeByName(f"{package}.{name}")
        classes[name] = message_factory.GetMessageClass(descriptor)
    return classes


def _add(package: str, message: Any, name: str, number: int, kind: str) -> None:
    """Add one field to a message."""
    kinds = descriptor_pb2.FieldDescriptorProto
    field = message.field.add(name=name, number=number, label=kinds.LABEL_OPTIONAL)
    if kind.startswith("map:"):
        # protobuf requires an entry message of exactly this name for a map.
        entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
        entry.options.map_entry = True
        _add(package, entry, "key", 1, "string")
        _add(package, entry, "value", 2, kind.removeprefix("map:"))
        field.label, field.type = kinds.LABEL_REPEATED, kinds.TYPE_MESSAGE
        field.type_name = f".{package}.{message.name}.{entry.name}"
        return
    if kind.startswith("*"):
        field.label, kind = kinds.LABEL_REPEATED, kind[1:]
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = kinds.TYPE_MESSAGE, f".{package}.{kind}"

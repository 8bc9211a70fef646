"""A small reader of Mapbox Vector Tiles, independent of the writer under test (specification 2.1, protobuf wire format)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Feature:
    """One feature: id, kind (1 point, 2 line, 3 polygon), properties, raw drawing commands."""

    id: int | None
    kind: int
    properties: dict[str, Any]
    commands: list[int]

    @property
    def first_point(self) -> tuple[int, int]:
        """The first coordinate in tile units."""
        x, y = self.commands[1:3]
        return (x >> 1) ^ -(x & 1), (y >> 1) ^ -(y & 1)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
        elif wire == 1:
            yield number, data[at : at + 8]
            at += 8
        elif wire == 2:
            size, at = _varint(data, at)
            yield number, data[at : at + size]
            at += size
        elif wire == 5:
            yield number, data[at : at + 4]
            at += 4
        else:
            raise ValueError(f"wire type {wire}")


def _packed(data: bytes) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _value(data: bytes) -> Any:
    for number, value in _fields(data):
        match number:
            case 1:
                return value.decode()
            case 2:
                return struct.unpack("<f", value)[0]
            case 3:
                return struct.unpack("<d", value)[0]
            case 4 | 5:
                return value - (1 << 64) if number == 4 and value >> 63 else value
            case 6:
                return (value >> 1) ^ -(value & 1)
            case 7:
                return bool(value)
    return None


def read(tile: bytes) -> dict[str, list[Feature]]:
    """The layers of a tile by name."""
    layers: dict[str, list[Feature]] = {}
    for number, body in _fields(tile):
        if number != 3:
            continue
        name, keys, values, raw = "", [], [], []
        for inner, value in _fields(body):
            if inner == 1:
                name = value.decode()
            elif inner == 2:
                raw.append(value)
            elif inner == 3:
                keys.append(value.decode())
            elif inner == 4:
                values.append(_value(value))
        layers[name] = []
        for feature in raw:
            found: dict[int, Any] = dict(_fields(feature))
            tags = _packed(found.get(2, b""))
            properties = {keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2], strict=True)}
            layers[name].append(Feature(found.get(1), found.get(3, 0), properties, _packed(found.get(4, b""))))
    return layers

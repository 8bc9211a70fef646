"""Manifests: one `layers/<id>/layer.yaml` read, checked and turned into values. No database here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from jsonschema import Draft202012Validator

from cityops.catalog.errors import ManifestInvalid, ManifestMissing
from cityops.catalog.palette import unknown_tokens
from cityops.catalog.sources import LAYER_ID

FILE_NAME = "layer.yaml"
FieldType = Literal["text", "integer", "number", "boolean", "date", "timestamp"]


@dataclass(frozen=True)
class Bilingual:
    """A text in both languages."""

    zh: str
    en: str


@dataclass(frozen=True)
class Field:
    """One column of a layer."""

    name: str
    type: FieldType
    title: Bilingual
    unit: str = ""
    choices: tuple[tuple[str, Bilingual], ...] = ()
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    retired: bool = False
    tile: bool = True


@dataclass(frozen=True)
class Zoom:
    """When a layer is in the tiles; `thin` is (field, {value: zoom}, zoom of all other values)."""

    min: int = 10
    max: int = 16
    from_zoom: int = 0
    thin: tuple[str, tuple[tuple[str, int], ...], int] | None = None
    smallest: bool = True


@dataclass(frozen=True)
class Manifest:
    """One layer as its file declares it."""

    id: str
    title: Bilingual
    abstract: Bilingual | None
    geometry: Literal["point", "line", "polygon"]
    fields: tuple[Field, ...]
    zoom: Zoom
    role: Literal["base", "theme"]
    order: int
    style: tuple[dict[str, Any], ...]  # Any: MapLibre's JSON
    source: Bilingual
    licence: str
    attribution: str
    digest: str

    @property
    def live_fields(self) -> tuple[Field, ...]:
        """The fields that are served."""
        return tuple(field for field in self.fields if not field.retired)


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of manifests."""
    loaded: dict[str, Any] = json.loads(files(__package__).joinpath("manifest.schema.json").read_text(encoding="utf-8"))
    return loaded


def _bilingual(value: dict[str, str]) -> Bilingual:
    return Bilingual(value["zh"], value["en"])


def _field(name: str, value: dict[str, Any]) -> Field:
    choices = tuple((str(code), _bilingual(title)) for code, title in value.get("choices", {}).items())
    rest = {key: value[key] for key in ("unit", "required", "minimum", "maximum", "retired", "tile") if key in value}
    return Field(name=name, type=value["type"], title=_bilingual(value["title"]), choices=choices, **rest)


def _zoom(value: dict[str, Any]) -> Zoom:
    thin = value.get("thin")
    return Zoom(
        min=value.get("min", 10),
        max=value.get("max", 16),
        from_zoom=value.get("from", 0),
        thin=(thin["field"], tuple(thin["values"].items()), thin.get("otherwise", 0)) if thin else None,
        smallest=value.get("smallest", True),
    )


def read_manifest(path: Path) -> Manifest:
    """Read one file; raises ManifestInvalid naming the place in it and what is wrong there."""

    def wrong(where: str, reason: str) -> ManifestInvalid:
        return ManifestInvalid(path=path, where=where, reason=reason, field=where, fix="see cityops/catalog/manifest.schema.json")

    layer_id = path.parent.name
    if not LAYER_ID.match(layer_id):
        raise wrong("folder name", f"{layer_id!r} must match {LAYER_ID.pattern}")
    try:
        text = path.read_text(encoding="utf-8")
        value = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise wrong(f"byte {error.start}", "the file is not UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise wrong(f"line {mark.line + 1}" if mark else "file", str(getattr(error, "problem", error))) from error
    # JSON has only text keys; YAML reads `1:` as a number, which the schema could not name.
    value = json.loads(json.dumps(value, default=str))
    faults = sorted(Draft202012Validator(schema()).iter_errors(value), key=lambda fault: [str(part) for part in fault.absolute_path])
    if faults:
        raise wrong(".".join(str(part) for part in faults[0].absolute_path) or "file", faults[0].message)
    fields = tuple(_field(name, field) for name, field in value["fields"].items())
    zoom = _zoom(value.get("zoom", {}))
    by_name = {field.name: field for field in fields}
    if zoom.thin and (zoom.thin[0] not in by_name or by_name[zoom.thin[0]].type != "text"):
        raise wrong("zoom.thin.field", f"{zoom.thin[0]!r} is not a text field of this layer")
    if zoom.min > zoom.max:
        raise wrong("zoom.min", "must not be larger than zoom.max")
    for field in fields:
        if field.choices and field.type != "text":
            raise wrong(f"fields.{field.name}.choices", "only a text field has choices")
        if field.unit and field.type not in ("integer", "number"):
            raise wrong(f"fields.{field.name}.unit", "only a number has a unit")
    for index, rule in enumerate(value.get("style", [])):
        strangers = unknown_tokens(rule)
        if strangers:
            raise wrong(f"style.{index}", f"{sorted(strangers)[0]!r} is not a token of the palette")
    return Manifest(
        id=layer_id,
        title=_bilingual(value["title"]),
        abstract=_bilingual(value["abstract"]) if "abstract" in value else None,
        geometry=value["geometry"],
        fields=fields,
        zoom=zoom,
        role=value.get("role", "theme"),
        order=value.get("order", 100),
        style=tuple(value.get("style", [])),
        source=_bilingual(value["source"]),
        licence=value["licence"],
        attribution=value.get("attribution", ""),
        digest=hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def manifest_paths(folder: Path) -> Iterator[Path]:
    """The manifests below a layers folder, by id."""
    if not folder.is_dir():
        raise ManifestMissing(path=folder, fix="give the folder that holds one folder per layer")
    yield from sorted(path for path in folder.glob(f"*/{FILE_NAME}") if path.is_file())


def load_manifests(folder: Path) -> tuple[Manifest, ...]:
    """All manifests of a layers folder, in drawing order; raises at the first that is wrong."""
    return tuple(sorted((read_manifest(path) for path in manifest_paths(folder)), key=lambda manifest: (manifest.order, manifest.id)))

"""The basemap: MapLibre layers for light and dark from our own tiles, and an outside source when the settings name one.

Quiet by design: land, water, green, roads with casing, buildings, cell lines, labels. The base manifests bring their own
style; what is drawn from the grid (cells, divisions) is added here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cityops.catalog.manifest import Manifest
from cityops.catalog.palette import Theme, painted
from cityops.catalog.sources import LayerSource
from cityops.config import PMTILES_FORM, TIANDITU_FORM
from cityops.errors import SetupError

PASSES = ("ground", "surface", "casing", "line", "label")
"""Drawing order: areas, then buildings, then casings under all road surfaces, then lines, then names."""

TIANDITU = "https://t{s}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={layer}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={key}"

_CELL_STYLE: tuple[dict[str, Any], ...] = (
    {
        "type": "line", "name": "lines", "pass": "line", "minzoom": 14,
        "paint": {"line-color": "@cell", "line-width": ["interpolate", ["linear"], ["zoom"], 14, 0.5, 18, 1.2], "line-dasharray": [3, 2]},
    },
)  # fmt: skip
_DIVISION_STYLE: tuple[dict[str, Any], ...] = (
    {
        "type": "line", "name": "lines", "pass": "line",
        "paint": {
            "line-color": "@ink-3",
            "line-opacity": 0.6,
            "line-width": ["match", ["get", "level"], "district", 2, "street", 1.2, 0.6],
            "line-dasharray": [6, 3, 1, 3],
        },
    },
)  # fmt: skip
GRID_STYLES = {"cells": _CELL_STYLE, "divisions": _DIVISION_STYLE}


def style_of(source: LayerSource, manifest: Manifest | None) -> tuple[dict[str, Any], ...]:
    """The style rules of a layer: its own, or the basemap's for grid lines."""
    return manifest.style if manifest else source.style or GRID_STYLES.get(source.id, ())


def layers_of(source: LayerSource, rules: Iterable[dict[str, Any]], theme: Theme) -> list[tuple[str, dict[str, Any]]]:
    """(pass, MapLibre layer) for every rule, coloured for the theme; ids are `<layer>-<name>`."""
    made = []
    for number, rule in enumerate(rules):
        layer: dict[str, Any] = {
            "id": f"{source.id}-{rule.get('name', number)}",
            "type": rule["type"],
            "source": source.id,
            "source-layer": source.id,
            **{key: painted(rule[key], theme) for key in ("minzoom", "maxzoom", "filter", "layout", "paint") if key in rule},
        }
        layer.setdefault("minzoom", source.min_zoom)
        usual = {"fill": "surface", "line": "line", "symbol": "label"}
        made.append((rule.get("pass", usual.get(rule["type"], "line")), layer))
    return made


def tile_url(root: str, layer_id: str) -> str:
    """The tile address of a layer with its marks."""
    return f"{root}/tiles/{layer_id}/{{z}}/{{x}}/{{y}}.mvt"


def own_basemap(root: str, sources: Iterable[tuple[LayerSource, Manifest | None]], theme: Theme, attribution: str = "") -> dict[str, Any]:
    """A MapLibre style fragment: `sources` and `layers` of the base layers and the grid, background first.

    `attribution` is that of the city's data, for the layers that name none themselves.
    """
    chosen = [
        (source, manifest) for source, manifest in sources if (manifest is not None and manifest.role == "base") or source.id in GRID_STYLES
    ]
    by_pass: dict[str, list[dict[str, Any]]] = {name: [] for name in PASSES}
    for source, manifest in sorted(chosen, key=lambda pair: pair[1].order if pair[1] else 500):
        for name, layer in layers_of(source, style_of(source, manifest), theme):
            by_pass[name].append(layer)
    return {
        "sources": {
            source.id: {
                "type": "vector",
                "tiles": [tile_url(root, source.id)],
                "minzoom": source.min_zoom,
                "maxzoom": source.max_zoom,
                "attribution": source.attribution or attribution,
            }
            for source, _ in chosen
        },
        "layers": [
            {"id": "land", "type": "background", "paint": {"background-color": painted("@land", theme)}},
            *(layer for name in PASSES for layer in by_pass[name]),
        ],
    }


def outside_basemap(setting: str) -> dict[str, Any] | None:
    """The raster or PMTiles source that CITYOPS_BASEMAP names, or None for our own; raises SetupError when it is neither."""
    if not setting:
        return None
    if setting == "osm":
        return {
            "kind": "raster",
            "tiles": ["https://tile.openstreetmap.org/{z}/{x}/{y}.png"],
            "tile_size": 256,
            "max_zoom": 19,
            "attribution": "© OpenStreetMap contributors",
        }
    if found := TIANDITU_FORM.fullmatch(setting):
        return {
            "kind": "raster",
            "tiles": [TIANDITU.format(s=host, layer="vec", key=found[1]) for host in range(8)],
            "label_tiles": [TIANDITU.format(s=host, layer="cva", key=found[1]) for host in range(8)],
            "tile_size": 256,
            "max_zoom": 18,
            "attribution": "天地图",
        }
    if PMTILES_FORM.fullmatch(setting):
        return {"kind": "pmtiles", "url": setting, "attribution": ""}
    raise SetupError(reason=f"CITYOPS_BASEMAP={setting!r} is none of osm, tianditu:KEY or the URL of a .pmtiles file")

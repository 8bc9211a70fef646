"""`cityops layers list|show|sync|new`: the themes of the city and their tables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from cityops import clock
from cityops.catalog import operations, queries
from cityops.catalog.errors import LayerUnknown
from cityops.catalog.manifest import Manifest, load_manifests
from cityops.cli.city import open_city
from cityops.config import Settings
from cityops.db.session import unit_of_work
from cityops.paths import layers_dir


def add_parser(subparsers: argparse._SubParsersAction) -> None:  # type: ignore[type-arg]  # argparse gives it no usable parameter
    """The noun `layers` and its verbs."""
    parser = subparsers.add_parser("layers", help="the themes of the city: list, show, make their tables, begin a new one")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    verb = verbs.add_parser("list", help="every manifest, and whether its table is there")
    verb.set_defaults(run=list_layers)
    verb = verbs.add_parser("show", help="one layer: fields, zooms, table")
    verb.add_argument("id")
    verb.set_defaults(run=show_layer)
    verb = verbs.add_parser("sync", help="create and extend tables; refuses what would lose data")
    verb.add_argument("--dry-run", action="store_true", help="print the statements and change nothing")
    verb.set_defaults(run=sync_layers)
    verb = verbs.add_parser("new", help="write the first layer.yaml of a new layer")
    verb.add_argument("id", help="small letters, digits and _")
    verb.add_argument("--geometry", choices=("point", "line", "polygon"), default="point")
    verb.add_argument("--zh", required=True, help="title in Chinese")
    verb.add_argument("--en", required=True, help="title in English")
    verb.add_argument("--folder", type=Path, help="the layers folder to write to (default: CITYOPS_LAYERS_DIR or the package's)")
    verb.set_defaults(run=new_layer)


def _manifests(settings: Settings) -> Iterator[Manifest]:
    for folder in (layers_dir(), settings.layers_dir):
        if folder is not None:
            yield from load_manifests(folder)


def list_layers(_arguments: argparse.Namespace) -> None:
    """Print id, geometry, state and titles."""
    with open_city() as city, unit_of_work(city.engine) as session:
        synced = queries.synced_layers(session)
        for manifest in _manifests(city.settings):
            known = synced.pop(manifest.id, None)
            state = "not synced" if known is None else "ready" if known.digest == manifest.digest else "changed since the last sync"
            print(f"{manifest.id:20} {manifest.geometry:8} {state:28} {manifest.title.zh} / {manifest.title.en}")
        for layer_id, layer in sorted(synced.items()):
            print(f"{layer_id:20} {layer.geometry:8} {'table without a manifest':28}")


def show_layer(arguments: argparse.Namespace) -> None:
    """Print what one manifest declares and what its table holds."""
    with open_city() as city, unit_of_work(city.engine) as session:
        manifest = next((found for found in _manifests(city.settings) if found.id == arguments.id), None)
        if manifest is None:
            raise LayerUnknown(layer=arguments.id, fix="cityops layers list shows the layers there are")
        print(f"{manifest.id}: {manifest.title.zh} / {manifest.title.en}")
        print(f"geometry {manifest.geometry}, zoom {manifest.zoom.min} to {manifest.zoom.max}, licence {manifest.licence}")
        for field in manifest.fields:
            unit = f" [{field.unit}]" if field.unit else ""
            marks = "".join(f" ({mark})" for mark, on in (("required", field.required), ("retired", field.retired)) if on)
            print(f"  {field.name:20} {field.type:10} {field.title.zh} / {field.title.en}{unit}{marks}")
        about = queries.estimated_count(session, manifest.id)
        print(f"table layer_{manifest.id}.items, " + (f"about {about} rows" if about >= 0 else "not yet analysed"))


def sync_layers(arguments: argparse.Namespace) -> None:
    """Bring every table to its manifest, all or none, and print what was done."""
    with open_city() as city, unit_of_work(city.engine) as session:
        for done in operations.sync(session, _manifests(city.settings), clock.now(), dry_run=arguments.dry_run):
            print(f"{done.layer}: {'already right' if not done.statements else ''}")
            for statement in done.statements:
                print(f"  {statement}")


def new_layer(arguments: argparse.Namespace) -> None:
    """Write a manifest that is valid at once and say what comes next."""
    folder = arguments.folder or Settings.from_env().layers_dir or layers_dir()
    path = operations.new_layer(folder, arguments.id, arguments.geometry, arguments.zh, arguments.en)
    print(path)
    print("cityops: edit it, then run `cityops layers sync`", file=sys.stderr)

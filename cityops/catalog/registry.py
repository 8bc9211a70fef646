"""The catalogue of one application: layers of the rooms and of the manifests, and the services that turn them into bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from cityops.catalog import sqlbuild
from cityops.catalog.errors import LayerUnknown
from cityops.catalog.manifest import Manifest, load_manifests
from cityops.catalog.sources import LayerSource, SourceRegistry
from cityops.catalog.tables import CellTable, source_of
from cityops.catalog.tilecache import TileCache
from cityops.catalog.tiles import TileService
from cityops.catalog.versions import LayerVersions
from cityops.config import Settings
from cityops.db.marks import open_marks
from cityops.db.readpool import ReadPool, libpq_url
from cityops.identity.visibility import Viewer, visible


@dataclass
class Catalog:
    """What `cityops.app` keeps as the extension `cityops_catalog`."""

    pool: ReadPool
    versions: LayerVersions
    tiles: TileService
    sources: SourceRegistry = field(default_factory=SourceRegistry)
    manifests: dict[str, Manifest] = field(default_factory=dict)

    def register(self, sources: Iterable[LayerSource]) -> None:
        """Add the layers of a room."""
        self.sources.register(sources)

    def register_manifests(self, folder: Path, cells: CellTable | None = None) -> None:
        """Add one layer per `layer.yaml` below `folder`; raises ManifestInvalid for the first that is wrong."""
        for manifest in load_manifests(folder):
            self.manifests[manifest.id] = manifest
            self.sources.register([source_of(manifest, cells)])

    def visible_keys(self, source: LayerSource) -> Callable[[Viewer, list[str]], set[str]]:
        """A function that tells which of some keys (codes, numbers) of a layer a viewer may see now."""

        def seen(viewer: Viewer, keys: list[str]) -> set[str]:
            predicate, params = visible(viewer, source.columns)
            if predicate == "FALSE" or not keys:
                return set()
            if predicate == "TRUE":
                return set(keys)
            with self.pool.connection() as connection:
                rows = connection.execute(sqlbuild.visible_keys_sql(source, predicate), {**params, "keys": keys}, prepare=True).fetchall()
            return {row[0].strip() for row in rows}

        return seen

    def close(self) -> None:
        """End the listener and close the connections."""
        self.versions.stop()
        self.pool.close()

    def layer(self, viewer: Viewer, layer_id: str) -> LayerSource:
        """A layer of which the viewer may see at least something; raises LayerUnknown for all others alike."""
        source = self.sources.get(layer_id)
        if source is None or not self.tiles.may_see(viewer, source):
            raise LayerUnknown(layer=layer_id, field="layer", fix="GET /api/v1/layers lists the layers there are")
        return source

    def layers(self, viewer: Viewer) -> list[LayerSource]:
        """The layers of which the viewer may see at least something."""
        return [source for source in self.sources if self.tiles.may_see(viewer, source)]


def open_catalog(settings: Settings, engine: Engine) -> Catalog:
    """The catalogue of an application; opens no connection yet, so that a forked worker makes its own."""
    replica = settings.read_database_url is not None
    pool = ReadPool(settings.read_database_url or engine.url)
    versions = LayerVersions(pool, open_marks(settings.home), libpq_url(engine.url), trusts_marks=not replica)
    tiles = TileService(pool, versions, TileCache(settings.tile_cache_mb * 1024 * 1024), visible)
    return Catalog(pool=pool, versions=versions, tiles=tiles)

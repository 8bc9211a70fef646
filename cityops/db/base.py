"""The declarative base of all models, and the one constant that says how places are stored."""

from __future__ import annotations

from geoalchemy2 import Geometry
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

SRID = 4490
"""CGCS2000, longitude/latitude in degrees: the storage CRS of every geometry column (design decision D2)."""


class Base(DeclarativeBase):
    """Base of every model; constraint names follow one convention so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def geom_type(kind: str) -> Geometry:
    """The column type of a geometry of `kind` (POINT, MULTIPOLYGON, GEOMETRY …) in the storage CRS; the index is the migration's."""
    return Geometry(geometry_type=kind, srid=SRID, spatial_index=False)

"""The names of the sample city, gathered from its divisions and layers; gathering again keeps what people did."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from geoalchemy2.shape import to_shape
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from cityops.gazetteer.matching import find, reverse
from cityops.gazetteer.models import Place
from cityops.gazetteer.operations import NewPlace, PlaceEdit, change_place, gather, register_place

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


@pytest.fixture
def sample(city: Engine) -> Session:
    """A session on the sample city that is rolled back."""
    with Session(city, expire_on_commit=False) as made:
        yield made
        made.rollback()


def test_the_sample_city_has_places_of_every_gathered_kind(sample: Session) -> None:
    kinds = set(sample.execute(text("SELECT DISTINCT kind FROM gazetteer.places")).scalars())
    assert {"region", "street", "plate", "tract", "poi"} <= kinds


def test_every_street_name_of_the_layer_is_found_and_every_pair_that_meets_has_a_crossing(sample: Session) -> None:
    names = sample.execute(text("SELECT DISTINCT name FROM layer_roads.items WHERE name IS NOT NULL")).scalars().all()
    assert len(names) > 10
    for name in names:
        assert find(sample, name, kinds=("street",))[0].name == name
    pairs = sample.execute(
        text(
            "SELECT DISTINCT a.name, b.name FROM layer_roads.items AS a JOIN layer_roads.items AS b"
            " ON a.name < b.name AND ST_Intersects(a.geom, b.geom)"
        )
    ).all()
    assert pairs
    for a, b in pairs[:30]:
        assert find(sample, f"{a}与{b}交叉口")[0].level == "crossing", (a, b)


def test_synthetic_plates_say_so_and_stand_at_their_street(sample: Session) -> None:
    rows = sample.execute(
        text(
            "SELECT p.source, max(ST_Distance(p.point::geography, s.geom::geography)) AS far FROM gazetteer.places AS p"
            " JOIN gazetteer.places AS s ON s.id = p.street_id GROUP BY p.source"
        )
    ).all()
    assert [row.source for row in rows] == ["synthetic"] and rows[0].far < 13.0


def test_a_plate_of_the_sample_is_found_by_its_name_and_lies_in_a_cell(sample: Session) -> None:
    name = sample.execute(text("SELECT name FROM gazetteer.places WHERE kind = 'plate' ORDER BY id OFFSET 20 LIMIT 1")).scalar_one()
    best = find(sample, name)[0]
    assert (best.level, best.name, best.score) == ("plate", name, 1.0) and best.cell_code
    assert reverse(sample, best.lon, best.lat).name == name


def test_gathering_again_changes_nothing(sample: Session) -> None:
    done = gather(sample, NOW)
    assert (done.added, done.renewed, done.gone) == (0, 0, 0)


def test_a_renamed_road_renames_its_street_and_the_old_name_still_finds_it(sample: Session) -> None:
    sample.execute(text("UPDATE layer_roads.items SET name = '新兴路' WHERE name = '武侯路'"))
    done = gather(sample, NOW)
    assert done.added == 1 and done.gone == 1
    assert find(sample, "新兴路")[0].name == "新兴路"
    retired = sample.execute(
        text("SELECT c.act, c.before->>'name' AS was FROM gazetteer.changes AS c JOIN gazetteer.places AS p ON p.id = c.place_id"
             " WHERE p.name = '武侯路'")
    ).one()  # fmt: skip
    assert (retired.act, retired.was) == ("gather", "武侯路")


def test_gathering_leaves_alone_what_people_edited(sample: Session) -> None:
    street = sample.query(Place).filter_by(kind="street", name="武侯路").one()
    change_place(sample, None, NOW, street.id, PlaceEdit(name="武侯大道"), expected=street.version)
    sample.execute(text("DELETE FROM layer_roads.items WHERE name = '武侯路'"))
    gather(sample, NOW)
    assert find(sample, "武侯大道")[0].place_id == street.id
    assert find(sample, "武侯路")[0].place_id == street.id, "a former name still finds the place"


def test_a_place_entered_by_hand_survives_gathering(sample: Session) -> None:
    street = sample.query(Place).filter_by(kind="street", name="武侯路").one()
    made = register_place(sample, None, NOW, NewPlace(kind="street", name="手工路", geom=to_shape(street.geom)))
    gather(sample, NOW)
    assert find(sample, "手工路")[0].place_id == made.id

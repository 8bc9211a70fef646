"""The gazetteer over HTTP: search, reverse, batch matching, and the register with its history."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, jsonify
from flask_smorest import Blueprint

from cityops import clock
from cityops.gazetteer import matching, operations, queries, schemas
from cityops.gazetteer.errors import PlaceNotFound
from cityops.gazetteer.models import Place
from cityops.geo.crs import to_storage
from cityops.http import check_if_match, json_bytes, reads, session, viewer, writes

blp = Blueprint(
    "gazetteer", "gazetteer", url_prefix="/api/v1", description="Addresses and place names: where a name is, what a point is called."
)


def _place_answer(place_id: int, status: int = 200) -> Response:
    found = queries.show(session(), place_id)
    if found is None:
        raise PlaceNotFound(place_id=place_id, field="place_id", fix="search with GET /api/v1/places")
    version, body = found
    return json_bytes(body, version=version, status=status)


@blp.route("/places", methods=["GET"])
@blp.arguments(schemas.PlaceSearchSchema, location="query", unknown="raise")
@blp.response(200, schemas.PlaceHitsSchema)
@reads
def search_places(query: dict[str, Any]) -> Response:
    """Find places: by name, pinyin, initials, house number (梅溪路86号), crossing (人民路与建设路交叉口), offset (X以北50米)."""
    viewer()
    hits = matching.find(session(), query["q"], limit=query["limit"], kinds=query["kinds"])
    return jsonify({"items": [asdict(hit) for hit in hits]})


@blp.route("/places/reverse", methods=["GET"])
@blp.arguments(schemas.ReverseSchema, location="query", unknown="raise")
@blp.response(200, schemas.AddressSchema)
@reads
def reverse_place(query: dict[str, Any]) -> Response:
    """What a point is called: the nearest plate, else street, else point of interest, else the area; with its cell."""
    viewer()
    lon, lat = to_storage(query["lon"], query["lat"], query["crs"])
    return jsonify(asdict(matching.reverse(session(), float(lon), float(lat))))


@blp.route("/places/matches", methods=["POST"])
@blp.arguments(schemas.PlaceMatchesSchema)
@blp.response(200, schemas.PlaceMatchedSchema)
@blp.doc(parameters=[schemas.CSRF])
@reads
def match_places(body: dict[str, Any]) -> Response:
    """Match up to 1,000 addresses, each with its level and score."""
    viewer()
    known: dict[str, matching.Hit | None] = {}
    items = []
    for address in body["addresses"]:
        if address not in known:
            known[address] = matching.best(session(), address)
        hit = known[address]
        shown: dict[str, Any] = asdict(hit) if hit is not None else {"level": "none", "score": 0.0}
        items.append({"address": address} | {name: shown.get(name) for name in schemas.PlaceMatchSchema().fields if name != "address"})
    return jsonify({"items": items})


@blp.route("/places", methods=["POST"])
@blp.arguments(schemas.NewPlaceSchema)
@blp.response(201, schemas.GazetteerPlaceSchema)
@blp.doc(parameters=schemas.WRITE)
@blp.alt_response(403, description="only planners and administrators change the gazetteer")
@blp.alt_response(409, description="the street has a plate of that number")
@writes
def add_place(body: operations.NewPlace) -> Response:
    """Register a place."""
    made = operations.register_place(session(), viewer(), clock.now(), body)
    response = _place_answer(made.id, 201)
    response.headers["Location"] = f"/api/v1/places/{made.id}"
    return response


@blp.route(f"/places/{schemas.ID}", methods=["GET"])
@blp.response(200, schemas.GazetteerPlaceSchema)
@blp.alt_response(404, description="no such place")
@reads
def get_place(place_id: int) -> Response:
    """One place, living or retired."""
    viewer()
    return _place_answer(place_id)


@blp.route(f"/places/{schemas.ID}", methods=["PATCH"])
@blp.arguments(schemas.PlaceEditSchema)
@blp.response(200, schemas.GazetteerPlaceSchema)
@blp.doc(parameters=schemas.CHANGE)
@blp.alt_response(403, description="only planners and administrators change the gazetteer")
@blp.alt_response(404, description="no such place")
@blp.alt_response(409, description="the street has a plate of that number")
@blp.alt_response(412, description="somebody changed it since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def edit_place(body: operations.PlaceEdit, place_id: int) -> Response:
    """Change, retire or bring back a place."""
    actor = viewer()
    held = session().get(Place, place_id)
    if held is None:
        raise PlaceNotFound(place_id=place_id, field="place_id", fix="search with GET /api/v1/places")
    check_if_match(held.version, required=True)
    operations.change_place(session(), actor, clock.now(), place_id, body, expected=held.version)
    return _place_answer(place_id)


@blp.route(f"/places/{schemas.ID}/history", methods=["GET"])
@blp.response(200, schemas.PlaceChangeSchema(many=True))
@blp.alt_response(404, description="no such place")
@reads
def place_history(place_id: int) -> Response:
    """What a place was and became, newest first."""
    viewer()
    if session().get(Place, place_id) is None:
        raise PlaceNotFound(place_id=place_id, field="place_id", fix="search with GET /api/v1/places")
    return json_bytes(queries.history(session(), place_id))

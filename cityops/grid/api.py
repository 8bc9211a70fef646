"""The grid over HTTP: divisions, cells, beats, places, drafts and their publication, findings, proposals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from flask import Response, current_app, jsonify
from flask_smorest import Blueprint

from cityops import clock
from cityops.config import Settings
from cityops.db.readpool import ReadPool
from cityops.errors import Unavailable
from cityops.geo.crs import to_storage
from cityops.grid import operations, policy, queries, schemas
from cityops.grid.drawing import read_box, read_cells
from cityops.grid.errors import NoCellHere, UnknownBeat, UnknownCell, UnknownDivision, UnknownDraft
from cityops.grid.gridindex import grid_index
from cityops.grid.queries import Page
from cityops.grid.rules.findings import Report
from cityops.grid.rules.numbering import CELL_DIGITS, LEVEL_OF_LENGTH, is_code
from cityops.http.answers import GEOJSON, json_bytes, wants_geojson
from cityops.http.auth import viewer
from cityops.http.etag import check_if_match, etag
from cityops.http.paging import CursorNotUnderstood, decode_cursor, encode_cursor
from cityops.http.unit import reads, session, writes
from cityops.identity.schemas import CSRF, IDEMPOTENCY_KEY, IF_MATCH, LARGEST_ID

blp = Blueprint(
    "grid", "grid", url_prefix="/api/v1", description="Divisions, unit cells and beats; where a place lies; how the grid changes."
)

DRAFT = "<int(max=9007199254740991):draft_id>"
BEAT = f"<int(max={LARGEST_ID}):beat_id>"
WRITE = [IDEMPOTENCY_KEY, CSRF]
CHANGE = [IF_MATCH, *WRITE]
ALSO_GEOJSON = {200: {"content": {GEOJSON: {"schema": {"type": "object"}}}}}
"""Lists answer in either form."""


def _settings() -> Settings:
    settings: Settings = current_app.extensions["cityops_settings"]
    return settings


def _read_pool() -> ReadPool:
    catalog = current_app.extensions.get("cityops_catalog")
    if catalog is None:
        raise Unavailable(fix="the server was started without a database")
    pool: ReadPool = catalog.pool
    return pool


def _listing(query: dict[str, Any], ask: Callable[..., Page], **filters: Any) -> Response:
    """One page in the form that was asked for. Any: checked query values."""
    geojson = wants_geojson() and query.get("format") != "json"
    after = decode_cursor(query["cursor"], (str,))[0] if "cursor" in query else None
    if after is not None and not (after.isascii() and after.isprintable()):
        raise CursorNotUnderstood(field="cursor", fix="use the value of `next` as it was given")
    box = read_box(query["bbox"]) if "bbox" in query else None
    page = ask(session(), viewer(), box=box, after=after, limit=query["limit"], geojson=geojson, **filters)
    following = json.dumps(encode_cursor(page.last_key) if page.more else None)
    body = (
        f'{{"type":"FeatureCollection","features":[{page.items}],"next":{following}}}'
        if geojson
        else f'{{"items":[{page.items}],"next":{following}}}'
    )
    return Response(
        body, mimetype=GEOJSON if geojson else "application/json", headers={"Cache-Control": "private, no-cache", "Vary": "Accept"}
    )


@blp.route("/divisions")
@blp.arguments(schemas.DivisionsQuery, location="query")
@blp.response(200, schemas.PageSchema)
@blp.doc(responses=ALSO_GEOJSON)
@reads
def list_divisions(query: dict[str, Any]) -> Response:
    """Divisions in the order of their codes."""
    return _listing(query, queries.list_divisions, level=query.get("level"), parent=query.get("parent"))


@blp.route("/divisions/<code>")
@blp.response(200, schemas.DetailSchema)
@blp.alt_response(404, description="there is no such division")
@reads
def get_division(code: str) -> Response:
    """One division with its boundary."""
    found = queries.show_division(session(), viewer(), code) if len(code) in LEVEL_OF_LENGTH and is_code(code, len(code)) else None
    if found is None:
        raise UnknownDivision(division=code[:40], fix="see GET /divisions")
    return json_bytes(found[1], version=f"{found[0]}-{viewer().signature}")


@blp.route("/cells")
@blp.arguments(schemas.CellsQuery, location="query")
@blp.response(200, schemas.PageSchema)
@blp.doc(responses=ALSO_GEOJSON)
@reads
def list_cells(query: dict[str, Any]) -> Response:
    """The cells you may see, in the order of their codes."""
    return _listing(query, queries.list_cells, division=query.get("division"), ended=query["ended"])


@blp.route("/cells/<code>")
@blp.response(200, schemas.DetailSchema)
@blp.alt_response(404, description="there is no such cell for you")
@reads
def get_cell(code: str) -> Response:
    """One cell, live or ended, with its boundary, its history and what followed it."""
    found = queries.show_cell(session(), viewer(), code) if is_code(code, CELL_DIGITS) else None
    if found is None:
        raise UnknownCell(cell=code[:40], fix="see GET /cells")
    return json_bytes(found[1])


@blp.route("/beats")
@blp.arguments(schemas.BeatsQuery, location="query")
@blp.response(200, schemas.PageSchema)
@blp.doc(responses=ALSO_GEOJSON)
@reads
def list_beats(query: dict[str, Any]) -> Response:
    """The beats you may see."""
    return _listing(query, queries.list_beats, division=query.get("division"))


@blp.route(f"/beats/{BEAT}")
@blp.response(200, schemas.DetailSchema)
@blp.alt_response(404, description="there is no such beat for you")
@reads
def get_beat(beat_id: int) -> Response:
    """One beat with its cells, its inspectors and its ground."""
    version, body = _beat(beat_id)
    return json_bytes(body, version=version)


def _beat(beat_id: int) -> tuple[int, str]:
    found = queries.show_beat(session(), viewer(), beat_id)
    if found is None:
        raise UnknownBeat(beat=beat_id, fix="see GET /beats")
    return found


def _beat_answer(beat_id: int, status: int = 200) -> Response:
    version, body = _beat(beat_id)
    response = Response(body, status=status, mimetype="application/json", headers={"ETag": etag(version)})
    if status == 201:
        response.headers["Location"] = f"/api/v1/beats/{beat_id}"
    return response


@blp.route("/beats", methods=["POST"])
@blp.arguments(schemas.BeatBody)
@blp.response(201, schemas.DetailSchema)
@blp.alt_response(409, description="the code is taken, or a cell belongs to another beat")
@blp.doc(parameters=WRITE)
@writes
def create_beat(body: dict[str, Any]) -> Response:
    """Make a beat of live cells that share edges."""
    beat_id = operations.create_beat(
        session(), viewer(), clock.now(), code=body["code"], name_zh=body["name_zh"], name_en=body["name_en"], shift=body["shift"],
        cells=sorted(set(body["cell_codes"])), timezone=_settings().timezone,
    )  # fmt: skip
    return _beat_answer(beat_id, 201)


@blp.route(f"/beats/{BEAT}", methods=["PATCH"])
@blp.arguments(schemas.BeatPatch)
@blp.response(200, schemas.DetailSchema)
@blp.doc(parameters=CHANGE)
@writes
def change_beat(body: dict[str, Any], beat_id: int) -> Response:
    """Change names, shift or cells of a beat."""
    check_if_match(_beat(beat_id)[0], required=True)
    cells = sorted(set(body["cell_codes"])) if "cell_codes" in body else None
    names = {name: body.get(name) for name in ("name_zh", "name_en", "shift")}
    operations.change_beat(session(), viewer(), clock.now(), beat_id, cells=cells, timezone=_settings().timezone, **names)
    return _beat_answer(beat_id)


@blp.route(f"/beats/{BEAT}", methods=["DELETE"])
@blp.response(204)
@blp.doc(parameters=WRITE)
@writes
def dissolve_beat(beat_id: int) -> Response:
    """End a beat; its cells become free."""
    _beat(beat_id)
    operations.dissolve_beat(session(), viewer(), clock.now(), beat_id, timezone=_settings().timezone)
    return Response(status=204)


@blp.route(f"/beats/{BEAT}/inspectors/<int(max={LARGEST_ID}):user_id>", methods=["PUT"])
@blp.response(200, schemas.DetailSchema)
@blp.doc(parameters=WRITE)
@writes
def assign_inspector(beat_id: int, user_id: int) -> Response:
    """Give the beat to an inspector."""
    _beat(beat_id)
    operations.assign_inspector(session(), viewer(), clock.now(), beat_id, user_id, timezone=_settings().timezone)
    return _beat_answer(beat_id)


@blp.route(f"/beats/{BEAT}/inspectors/<int(max={LARGEST_ID}):user_id>", methods=["DELETE"])
@blp.response(200, schemas.DetailSchema)
@blp.doc(parameters=WRITE)
@writes
def withdraw_inspector(beat_id: int, user_id: int) -> Response:
    """Take the beat from an inspector."""
    _beat(beat_id)
    operations.withdraw_inspector(session(), viewer(), clock.now(), beat_id, user_id, timezone=_settings().timezone)
    return _beat_answer(beat_id)


@blp.route("/locate")
@blp.arguments(schemas.LocateQuery, location="query")
@blp.response(200, schemas.PlaceSchema)
@blp.alt_response(404, description="no cell lies at this place")
def locate(query: dict[str, Any]) -> Response:
    """Where a place lies. A point on a shared edge belongs to the cell with the lowest code."""
    viewer()
    lon, lat = to_storage(query["lon"], query["lat"], query["crs"])
    place = queries.describe_place(_read_pool(), float(lon), float(lat))
    if place is None:
        raise NoCellHere(field="lon", fix="check longitude, latitude and crs; the grid covers the built-up area only")
    return json_bytes(place)


@blp.route("/locations", methods=["POST"])
@blp.arguments(schemas.PointsSchema)
@blp.response(200, schemas.LocationsSchema)
@reads
def locate_points(body: dict[str, Any]) -> Response:
    """Where many places lie, by an index in memory."""
    viewer()
    points = np.asarray(body["points"], dtype=np.float64)
    lon, lat = to_storage(points[:, 0], points[:, 1], body["crs"])
    index = grid_index(session())
    positions = index.locator.positions(lon, lat)
    codes = np.append(index.locator.codes, "")[positions]
    beats = index.beat_ids[positions]
    return jsonify(cells=[str(code) or None for code in codes], beats=[int(beat) if beat >= 0 else None for beat in beats])


@blp.route("/grid-findings")
@blp.arguments(schemas.FindingsQuery, location="query")
@blp.response(200, schemas.FindingsSchema, content_type=GEOJSON)
@reads
def grid_findings(query: dict[str, Any]) -> Response:
    """Every gap, overlap, sliver, crossing, wrong code and torn beat of the live grid in your scope, each with its place."""
    report = operations.validate_grid(session(), viewer(), division=query.get("division", ""), srid=_settings().projected_srid)
    return _findings(report)


def _findings(report: Report) -> Response:
    return Response(json.dumps(report.as_geojson(), ensure_ascii=False), mimetype=GEOJSON)


@blp.route("/grid-drafts")
@blp.arguments(schemas.DraftsQuery, location="query")
@blp.response(200, schemas.DraftsSchema)
@reads
def list_drafts(query: dict[str, Any]) -> Response:
    """The newest drafts."""
    if refusal := policy.may_check(viewer()):
        raise refusal
    return json_bytes(f'{{"items":{queries.list_drafts(session(), query.get("state"))}}}')


@blp.route("/grid-drafts", methods=["POST"])
@blp.arguments(schemas.DraftBody)
@blp.response(201, schemas.CreatedSchema)
@blp.doc(parameters=WRITE)
@writes
def open_draft(body: dict[str, Any]) -> Response:
    """Begin a draft of changes to the grid."""
    draft_id = operations.open_draft(session(), viewer(), clock.now(), title=body["title"], reason=body["reason"])
    return _created(draft_id, f"/api/v1/grid-drafts/{draft_id}")


def _created(number: int, location: str, **more: Any) -> Response:
    response = jsonify(id=number, **more)
    response.status_code = 201
    response.headers["Location"] = location
    return response


@blp.route(f"/grid-drafts/{DRAFT}")
@blp.response(200, schemas.DraftSchema)
@blp.alt_response(404, description="there is no such draft")
@reads
def get_draft(draft_id: int) -> Response:
    """One draft with its changes and drawn cells."""
    if refusal := policy.may_check(viewer()):
        raise refusal
    found = queries.show_draft(session(), draft_id)
    if found is None:
        raise UnknownDraft(draft=draft_id, fix="see GET /grid-drafts")
    return json_bytes(found[1], version=found[0])


@blp.route(f"/grid-drafts/{DRAFT}", methods=["DELETE"])
@blp.response(204)
@blp.doc(parameters=CHANGE)
@writes
def discard_draft(draft_id: int) -> Response:
    """Close a draft without effect."""
    check_if_match(operations.get_draft(session(), draft_id).version)
    operations.discard_draft(session(), viewer(), clock.now(), draft_id)
    return Response(status=204)


@blp.route(f"/grid-drafts/{DRAFT}/changes", methods=["POST"])
@blp.arguments(schemas.ChangeBody)
@blp.response(201, schemas.CreatedSchema)
@blp.doc(parameters=CHANGE)
@writes
def add_change(body: dict[str, Any], draft_id: int) -> Response:
    """Add one act to a draft: create, split, merge, redivide or reshape."""
    check_if_match(operations.get_draft(session(), draft_id).version)
    change_id = operations.add_change(
        session(), viewer(), clock.now(), draft_id, act=body["act"], ends=body["cell_codes"], cells=read_cells(body["cells"])
    )
    return _created(change_id, f"/api/v1/grid-drafts/{draft_id}")


@blp.route(f"/grid-drafts/{DRAFT}/changes/<int(max=9007199254740991):change_id>", methods=["DELETE"])
@blp.response(204)
@blp.doc(parameters=CHANGE)
@writes
def remove_change(draft_id: int, change_id: int) -> Response:
    """Take one act back."""
    check_if_match(operations.get_draft(session(), draft_id).version)
    operations.remove_change(session(), viewer(), draft_id, change_id)
    return Response(status=204)


@blp.route(f"/grid-drafts/{DRAFT}/validation", methods=["POST"])
@blp.response(200, schemas.FindingsSchema, content_type=GEOJSON)
@blp.doc(parameters=[CSRF])
@reads
def validate_draft(draft_id: int) -> Response:
    """What would be wrong after publication and is not wrong now."""
    return _findings(operations.validate_draft(session(), viewer(), draft_id, srid=_settings().projected_srid))


@blp.route(f"/grid-drafts/{DRAFT}/publication", methods=["POST"])
@blp.response(200, schemas.PublicationSchema)
@blp.alt_response(409, description="the grid would have faults (member `findings`, GeoJSON), or the draft is closed, empty or overtaken")
@blp.doc(parameters=CHANGE)
@writes
def publish_draft(draft_id: int) -> Response:
    """Make the draft the grid."""
    check_if_match(operations.get_draft(session(), draft_id).version)
    settings = _settings()
    done = operations.publish_draft(session(), viewer(), clock.now(), draft_id, srid=settings.projected_srid, timezone=settings.timezone)
    return jsonify(done.payload())


@blp.route("/communities/<code>/cell-proposal", methods=["POST"])
@blp.arguments(schemas.ProposalBody)
@blp.response(201, schemas.ProposalSchema)
@blp.alt_response(404, description="there is no such community")
@blp.doc(parameters=WRITE)
@writes
def propose_cells(body: dict[str, Any], code: str) -> Response:
    """Draw cells for a community along its streets, as a draft for a planner to look at."""
    if not is_code(code, 12):
        raise UnknownDivision(division=code[:40], fix="name a community of 12 digits")
    draft_id, count = operations.propose_for_community(
        session(), viewer(), clock.now(), code, srid=_settings().projected_srid, target_m2=body["target_m2"]
    )
    return _created(draft_id, f"/api/v1/grid-drafts/{draft_id}", draft_id=draft_id, cells=count)

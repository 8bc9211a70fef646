"""GeoReport v2, writing: a request becomes a case, once, of a known client, in a known place."""

from __future__ import annotations

import json
import uuid

import pytest
from sqlalchemy import Engine, text

from cityops import clock
from cityops.cases.verify import Walk, walk
from cityops.config import Settings
from cityops.db.session import unit_of_work
from cityops.exchange.open311.operations import add_key, revoke_key
from cityops.identity.vault import Vault
from tests.acceptance.open311.conftest import MANHOLE, REFUSE, Door


def row_of(database: Engine, number: str) -> dict[str, object]:
    with database.connect() as connection:
        query = text("SELECT r.*, c.*, e.actor_post FROM cases.cases AS c JOIN exchange.open311_requests AS r ON r.case_id = c.id"
                     " JOIN cases.events AS e ON e.case_id = c.id AND e.seq = 1 WHERE c.number = :number")  # fmt: skip
        return dict(connection.execute(query, {"number": number}).mappings().one())


def test_a_request_becomes_a_public_case_signed_by_the_system(door: Door, database: Engine) -> None:
    answer = door.post()
    assert answer.status_code == 201
    (made,) = door.read(answer)
    assert set(made) == {"service_request_id", "service_notice", "account_id"}
    case = row_of(database, made["service_request_id"])
    assert (case["source"], case["state"], case["actor_post"], case["reporter_id"]) == ("public", "to_accept", "system", 0)


def test_a_request_without_an_api_key_or_with_a_false_one_is_forbidden(door: Door) -> None:
    assert "api_key" in door.refusal(door.post(api_key=None), 403)
    assert "api_key" in door.refusal(door.post(api_key="wrong"), 403)


def test_a_revoked_key_is_forbidden(door: Door, database: Engine) -> None:
    label = f"gone-{uuid.uuid4().hex}"
    with unit_of_work(database) as session:
        key = add_key(session, clock.now(), label, "x")
    assert door.post(api_key=key).status_code == 201
    with unit_of_work(database) as session:
        revoke_key(session, clock.now(), label)
    door.refusal(door.post(api_key=key), 403)


def test_a_key_is_stored_as_a_digest_only(door: Door, database: Engine) -> None:
    with database.connect() as connection:
        rows = connection.execute(text("SELECT to_jsonb(k)::text FROM exchange.open311_keys AS k")).scalars().all()
    assert rows and all(door.key not in row for row in rows)


def test_a_key_has_a_limit_of_requests_a_minute_and_refused_ones_count(door: Door, database: Engine) -> None:
    with unit_of_work(database) as session:
        key = add_key(session, clock.now(), f"slow-{uuid.uuid4().hex}", "x", per_minute=2)
    # Whatever the minute does meanwhile, of six requests within it at least one is too many.
    answers = [door.post(api_key=key, service_code="nonsense") for _ in range(6)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused and 1 <= int(refused[-1].headers["Retry-After"]) <= 60
    door.refusal(refused[-1], 429)


def test_a_request_without_a_service_or_with_an_unknown_one_is_refused(door: Door) -> None:
    assert "service_code" in door.refusal(door.post(service_code=None), 400)
    assert "nonsense" in door.refusal(door.post(service_code="nonsense"), 404)


def test_a_request_needs_a_place(door: Door) -> None:
    assert "location" in door.refusal(door.post(lat=None, long=None), 400)
    assert "long" in door.refusal(door.post(long=None), 400)
    assert "lat" in door.refusal(door.post(lat="north"), 400)
    assert "lat" in door.refusal(door.post(lat="91"), 400)


def test_a_place_outside_the_city_is_refused(door: Door) -> None:
    assert "cell" in door.refusal(door.post(lat=0, long=0), 400)


def test_an_address_is_looked_up_in_the_gazetteer(door: Door, database: Engine) -> None:
    number = door.made_request(lat=None, long=None, address_string="梅溪泵站")
    one = door.one(number)
    assert one["address"] == "梅溪泵站"
    assert float(one["lat"]) == pytest.approx(door.town.at[1], abs=1e-6)
    assert "无此地址zzz" in door.refusal(door.post(lat=None, long=None, address_string="无此地址zzz"), 400)


def test_a_place_of_the_gazetteer_may_be_named_by_its_id(door: Door, database: Engine) -> None:
    with database.connect() as connection:
        place_id = connection.execute(text("SELECT id FROM gazetteer.places WHERE name = '梅溪泵站'")).scalar_one()
    assert door.one(door.made_request(lat=None, long=None, address_id=place_id))["address"] == "梅溪泵站"
    door.refusal(door.post(lat=None, long=None, address_id=999_999), 400)


def test_a_point_with_an_address_keeps_both(door: Door) -> None:
    one = door.one(door.made_request(address_string="东门外"))
    assert one["address"] == "东门外" and float(one["lat"]) == pytest.approx(door.town.at[1], abs=1e-6)


def test_attributes_may_be_single_repeated_or_bracketed(door: Door, database: Engine) -> None:
    repeated = row_of(database, door.made_request(**{"attribute[impact]": ["danger", "at_night"]}))
    assert repeated["attributes"] == {"impact": ["danger", "at_night"]} and "有人身危险、夜间发生" in str(repeated["description"])
    bracketed = row_of(database, door.made_request(**{"attribute[impact][]": ["blocks_traffic", "danger"], "attribute[easting]": "1"}))
    assert bracketed["attributes"] == {"impact": ["blocks_traffic", "danger"], "easting": ["1"]}


def test_a_value_that_is_not_in_the_definition_is_refused(door: Door) -> None:
    for name in ("impact", "condition"):
        assert f"attribute[{name}]" in door.refusal(door.post(**{f"attribute[{name}]": "nonsense"}), 400)
    assert "component_code" in door.refusal(door.post(service_code=MANHOLE, **{"attribute[component_code]": "1" * 16}), 400)


def test_a_component_and_a_condition_reach_the_case(door: Door, database: Engine) -> None:
    values = next(one["values"] for one in door.read(door.get(f"services/{MANHOLE}"))["attributes"] if one["code"] == "condition")
    chosen = values[-1]["key"]
    case = row_of(
        database,
        door.made_request(service_code=MANHOLE, **{"attribute[component_code]": door.town.component_code, "attribute[condition]": chosen}),
    )
    assert case["component_code"] == door.town.component_code and case["condition_id"] == int(chosen)


def test_a_repeat_under_the_same_key_makes_one_case_and_gets_the_same_bytes(door: Door, database: Engine) -> None:
    token = str(uuid.uuid4())
    first, again = (door.post(headers={"Idempotency-Key": token}) for _ in range(2))
    assert first.get_data() == again.get_data() and again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Key" in door.refusal(door.post(headers={"Idempotency-Key": token}, description="other"), 400)
    number = door.read(first)[0]["service_request_id"]
    assert door.read(door.get(f"tokens/{token}")) == [{"token": token, "service_request_id": number}]
    assert door.read(door.get(f"tokens/{number}"))[0]["service_request_id"] == number


def test_a_refused_request_leaves_nothing_behind_its_key(door: Door) -> None:
    token = str(uuid.uuid4())
    door.refusal(door.post(headers={"Idempotency-Key": token}, service_code="nonsense"), 404)
    assert door.post(headers={"Idempotency-Key": token}).status_code == 201


def test_what_is_known_of_the_reporter_is_stored_encrypted(door: Door, database: Engine, settings: Settings) -> None:
    number = door.made_request(email="me@example.org", phone="13987654321", first_name="某", account_id="7", device_id="d")
    case = row_of(database, number)
    stored = bytes(case["reporter_enc"])  # type: ignore[call-overload]  # a bytea column
    assert b"example" not in stored
    assert json.loads(Vault(settings.secret_key).text(stored))["email"] == "me@example.org"
    assert row_of(database, door.made_request())["reporter_enc"] is None


def test_the_fields_old_clients_send_are_accepted(door: Door) -> None:
    """As `three` and FixMyStreet build their bodies: empty fields, several media_url, an empty jurisdiction."""
    number = door.made_request(
        jurisdiction_id="", email="", first_name="", last_name="", phone="", device_id="", account_id="", address_string="", address_id="",
        media_url=["https://example.org/1.jpeg", "https://example.org/2.jpeg"], **{"attribute[fixmystreet_id]": "123"},
    )  # fmt: skip
    assert door.one(number)["media_url"] is None, "photos of the public are not published unseen"


def test_a_body_that_is_not_text_is_refused(door: Door) -> None:
    assert "description" in door.refusal(door.post(description="a\x00b"), 400)
    door.refusal(door.post(description="x" * 5000), 400)
    assert "media_url" in door.refusal(door.post(media_url="javascript:alert(1)"), 400)


def test_cases_of_the_public_prove_themselves_like_all_others(door: Door, database: Engine, settings: Settings) -> None:
    number = door.made_request(service_code=REFUSE)
    seen = Walk()
    assert [finding for batch in walk(database, settings.media_dir, seen, number) for finding in batch] == [] and seen.events == 1

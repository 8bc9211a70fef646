"""The tables of room gazetteer (places, their names, the history of changes), and those of Open311 in room exchange."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    gazetteer()
    open311()


def gazetteer() -> None:
    op.execute("CREATE SCHEMA gazetteer")
    op.execute(
        """
        CREATE TABLE gazetteer.places (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind text NOT NULL CHECK (kind IN ('region', 'tract', 'block', 'street', 'plate', 'poi')),
            name text NOT NULL CHECK (name <> ''),
            name_en text,
            category text,
            street_id bigint REFERENCES gazetteer.places,
            house_number integer CHECK (house_number > 0),
            house_suffix text NOT NULL DEFAULT '',
            geom geometry(Geometry, 4490) NOT NULL,
            point geometry(Point, 4490) NOT NULL,
            source text NOT NULL,
            source_ref text UNIQUE,
            edited boolean NOT NULL DEFAULT false,
            note text,
            registered_at timestamptz NOT NULL,
            changed_at timestamptz NOT NULL,
            retired_at timestamptz,
            version integer NOT NULL DEFAULT 1,
            CONSTRAINT ck_places_plate CHECK ((kind = 'plate') = (street_id IS NOT NULL AND house_number IS NOT NULL))
        )
        """
    )
    op.execute("CREATE INDEX ix_places_geom ON gazetteer.places USING gist (geom) WHERE retired_at IS NULL AND kind <> 'plate'")
    op.execute("CREATE INDEX ix_places_plates ON gazetteer.places USING gist (point) WHERE retired_at IS NULL AND kind = 'plate'")
    op.execute(
        "CREATE UNIQUE INDEX uq_places_street_id_house_number_house_suffix"
        " ON gazetteer.places (street_id, house_number, house_suffix) WHERE retired_at IS NULL AND kind = 'plate'"
    )
    op.execute(
        """
        CREATE TABLE gazetteer.names (
            place_id bigint NOT NULL REFERENCES gazetteer.places,
            name text NOT NULL CHECK (name <> ''),
            status text NOT NULL CHECK (status IN ('standard', 'alias', 'former')),
            key text NOT NULL,
            pinyin text NOT NULL,
            initials text NOT NULL,
            PRIMARY KEY (place_id, name)
        )
        """
    )
    op.execute("CREATE INDEX ix_names_key ON gazetteer.names USING gin (key gin_trgm_ops)")
    op.execute("CREATE INDEX ix_names_pinyin ON gazetteer.names USING gin (pinyin gin_trgm_ops)")
    op.execute("CREATE INDEX ix_names_initials ON gazetteer.names (initials text_pattern_ops)")
    op.execute(
        """
        -- A place as its history keeps it.
        CREATE FUNCTION gazetteer.snapshot(p gazetteer.places) RETURNS jsonb LANGUAGE sql STABLE AS $$
            SELECT jsonb_build_object(
                'kind', p.kind, 'name', p.name, 'name_en', p.name_en, 'category', p.category, 'street_id', p.street_id,
                'house_number', p.house_number, 'house_suffix', p.house_suffix, 'note', p.note, 'source', p.source,
                'retired_at', p.retired_at, 'geometry', ST_AsGeoJSON(p.geom, 7, 0)::jsonb,
                'names', (SELECT jsonb_object_agg(n.name, n.status) FROM gazetteer.names AS n WHERE n.place_id = p.id))
        $$
        """
    )
    op.execute(
        """
        CREATE TABLE gazetteer.changes (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            place_id bigint NOT NULL REFERENCES gazetteer.places,
            version integer NOT NULL,
            at timestamptz NOT NULL,
            actor_id integer,
            act text NOT NULL CHECK (act IN ('register', 'change', 'retire', 'reinstate', 'gather')),
            before jsonb,
            after jsonb NOT NULL,
            reason text
        )
        """
    )
    op.execute("CREATE INDEX ix_changes_place_id ON gazetteer.changes (place_id, id)")
    op.execute(
        """
        CREATE FUNCTION gazetteer.keep_changes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'gazetteer.changes is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER keep_changes BEFORE UPDATE OR DELETE OR TRUNCATE ON gazetteer.changes"
        " FOR EACH STATEMENT EXECUTE FUNCTION gazetteer.keep_changes()"
    )


def open311() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS exchange")
    op.execute(
        """
        CREATE TABLE exchange.open311_keys (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            label text NOT NULL UNIQUE CHECK (label <> ''),
            contact text NOT NULL,
            key_digest bytea NOT NULL UNIQUE,
            per_minute integer NOT NULL DEFAULT 60 CHECK (per_minute > 0),
            created_at timestamptz NOT NULL,
            revoked_at timestamptz
        )
        """
    )
    op.execute(
        """
        CREATE UNLOGGED TABLE exchange.open311_uses (
            key_id integer PRIMARY KEY REFERENCES exchange.open311_keys ON DELETE CASCADE,
            minute timestamptz NOT NULL,
            n integer NOT NULL
        )
        """
    )
    op.execute(
        """
        CREATE TABLE exchange.open311_requests (
            case_id bigint PRIMARY KEY REFERENCES cases.cases,
            key_id integer NOT NULL REFERENCES exchange.open311_keys,
            token text,
            description text,
            address_string text,
            media_urls text[] NOT NULL DEFAULT '{}',
            attributes jsonb NOT NULL DEFAULT '{}',
            reporter_enc bytea
        )
        """
    )
    op.execute("CREATE INDEX ix_open311_requests_token ON exchange.open311_requests (token) WHERE token IS NOT NULL")
    op.execute("CREATE INDEX ix_cases_public ON cases.cases (reported_at DESC, id DESC) WHERE source = 'public'")

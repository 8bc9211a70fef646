-- One place as the outside sees it, with its names and its shape in EPSG:4490.
SELECT p.version, json_build_object(
    'id', p.id, 'kind', p.kind, 'name', p.name, 'name_en', p.name_en, 'category', p.category,
    'aliases', coalesce((SELECT json_agg(n.name ORDER BY n.name) FROM gazetteer.names AS n WHERE n.place_id = p.id AND n.status = 'alias'), '[]'),
    'former_names', coalesce((SELECT json_agg(n.name ORDER BY n.name) FROM gazetteer.names AS n WHERE n.place_id = p.id AND n.status = 'former'), '[]'),
    'pinyin', (SELECT n.pinyin FROM gazetteer.names AS n WHERE n.place_id = p.id AND n.status = 'standard'),
    'street_id', p.street_id, 'house_number', p.house_number, 'house_suffix', p.house_suffix,
    'lon', ST_X(p.point), 'lat', ST_Y(p.point), 'cell_code', (SELECT c.cell_code FROM grid.cell_at(ST_X(p.point), ST_Y(p.point)) AS c),
    'geometry', ST_AsGeoJSON(p.geom, 7, 0)::json, 'source', p.source, 'edited', p.edited, 'note', p.note,
    'registered_at', to_json(p.registered_at), 'changed_at', to_json(p.changed_at), 'retired_at', to_json(p.retired_at), 'version', p.version
)::text AS body
FROM gazetteer.places AS p WHERE p.id = :id

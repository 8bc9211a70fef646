-- What every surface says of a component, as the arguments of json_build_object; on p (one version), k (its class), departments m, o, t.
'code', p.code, 'edition', p.edition, 'class_code', p.class_code, 'class_name_zh', k.name_zh, 'class_name_en', k.name_en,
'icon', k.icon, 'mark', k.mark, 'name', p.name, 'state', p.state, 'cell_code', p.cell_code,
'lon', round(ST_X(p.at)::numeric, 7), 'lat', round(ST_Y(p.at)::numeric, 7), 'distance_m', round((/*distance*/)::numeric, 1),
'managing_id', p.managing_id, 'managing_name_zh', m.name_zh, 'managing_name_en', m.name_en,
'owner_id', p.owner_id, 'owner_name_zh', o.name_zh, 'owner_name_en', o.name_en,
'maintainer_id', p.maintainer_id, 'maintainer_name_zh', t.name_zh, 'maintainer_name_en', t.name_en,
'started_on', p.started_on, 'changed_on', p.changed_on, 'source', p.source, 'note', p.note, 'attributes', p.attributes,
'retired_at', p.retired_at, 'valid_from', p.valid_from, 'version', p.version

-- Living places whose names are, begin with, contain or resemble what was asked, with a score between 0 and 1.
-- Chinese names of few characters share few trigrams, so a resemblance is looked for in the pinyin too.
SELECT f.place_id, f.name AS matched, f.score, p.kind, p.name, p.name_en, p.category, p.version,
    ST_X(p.point) AS lon, ST_Y(p.point) AS lat
FROM (
    SELECT DISTINCT ON (n.place_id) n.place_id, n.name,
        round((CASE
            WHEN n.key = :key THEN 1.0
            WHEN :typed_latin AND n.pinyin = :pinyin THEN 0.96
            WHEN n.key LIKE :key || '%' THEN 0.75 + 0.2 * length(:key) / length(n.key)
            WHEN strpos(n.key, :key) > 0 THEN 0.65 + 0.2 * length(:key) / length(n.key)
            WHEN :typed_latin AND n.initials = :pinyin THEN 0.88
            WHEN :typed_latin AND n.pinyin LIKE :pinyin || '%' THEN 0.72 + 0.2 * length(:pinyin) / length(n.pinyin)
            WHEN :typed_latin AND length(:pinyin) > 1 AND n.initials LIKE :pinyin || '%'
                THEN 0.6 + 0.2 * length(:pinyin) / length(n.initials)
            ELSE :fuzzy_factor * greatest(similarity(n.key, :key), similarity(n.pinyin, :pinyin))
        END * CASE n.status WHEN 'standard' THEN 1.0 WHEN 'alias' THEN 0.98 ELSE 0.95 END)::numeric, 3)::float8 AS score
    FROM gazetteer.names AS n
    WHERE n.key LIKE '%' || :key || '%' OR n.pinyin % :pinyin
        OR (:typed_latin AND (n.pinyin LIKE :pinyin || '%' OR n.initials LIKE :pinyin || '%'))
    ORDER BY n.place_id, score DESC, n.status = 'standard' DESC, n.name
) AS f
JOIN gazetteer.places AS p ON p.id = f.place_id
WHERE p.retired_at IS NULL AND (CAST(:kinds AS text[]) IS NULL OR p.kind = ANY(:kinds))
ORDER BY f.score DESC, array_position(ARRAY['street', 'poi', 'tract', 'block', 'region'], p.kind), length(p.name), p.id
LIMIT :limit

-- One page of a list, as JSON or GeoJSON text made by PostgreSQL. The mark `rows` is a SELECT of key (text), item (json) and, for
-- GeoJSON, geom; one row more than the page is fetched to know whether there is another page.
WITH rows AS MATERIALIZED ({rows}),
page AS (SELECT * FROM rows ORDER BY key LIMIT :limit)
SELECT COALESCE(string_agg({item}, ',' ORDER BY key), '') AS items,
       max(key) AS last_key,
       (SELECT count(*) FROM rows) > :limit AS more
FROM page

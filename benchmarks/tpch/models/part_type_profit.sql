SELECT
    g.nation,
    p.part_type,
    CAST(year(l.ordered_on) AS BIGINT) AS ordered_in,
    CAST(sum(l.profit) AS DECIMAL(18, 4)) AS profit
FROM {{ ref('transform.order_lines') }} AS l
INNER JOIN {{ ref('transform.stg_parts') }} AS p ON l.part_id = p.part_id
INNER JOIN {{ ref('transform.stg_suppliers') }} AS s ON l.supplier_id = s.supplier_id
INNER JOIN {{ ref('transform.stg_geography') }} AS g ON s.nation_id = g.nation_id
WHERE p.part LIKE '%green%'
GROUP BY g.nation, p.part_type, ordered_in

SELECT
    g.region,
    g.nation,
    CAST(year(l.ordered_on) AS BIGINT) AS ordered_in,
    CAST(sum(l.net) AS DECIMAL(18, 4)) AS net
FROM {{ ref('transform.order_lines') }} AS l
INNER JOIN {{ ref('transform.stg_suppliers') }} AS s ON l.supplier_id = s.supplier_id
INNER JOIN {{ ref('transform.stg_customers') }} AS c
    ON l.customer_id = c.customer_id AND s.nation_id = c.nation_id
INNER JOIN {{ ref('transform.stg_geography') }} AS g ON s.nation_id = g.nation_id
GROUP BY g.region, g.nation, ordered_in

SELECT
    l.ship_mode,
    CAST(year(l.received_on) AS BIGINT) AS received_in,
    count(*) FILTER (WHERE o.priority IN ('1-URGENT', '2-HIGH')) AS urgent,
    count(*) FILTER (WHERE o.priority NOT IN ('1-URGENT', '2-HIGH')) AS other
FROM {{ ref('transform.stg_lineitems') }} AS l
INNER JOIN {{ ref('transform.stg_orders') }} AS o ON l.order_id = o.order_id
WHERE l.promised_on < l.received_on AND l.shipped_on < l.promised_on
GROUP BY l.ship_mode, received_in

SELECT
    l.order_id,
    o.ordered_on,
    o.ship_priority,
    CAST(sum(l.net) AS DECIMAL(18, 4)) AS net
FROM {{ ref('transform.stg_lineitems') }} AS l
INNER JOIN {{ ref('transform.stg_orders') }} AS o ON l.order_id = o.order_id
INNER JOIN {{ ref('transform.stg_customers') }} AS c ON o.customer_id = c.customer_id
WHERE
    c.segment = 'BUILDING'
    AND o.ordered_on < DATE '1995-03-15'
    AND l.shipped_on > DATE '1995-03-15'
GROUP BY l.order_id, o.ordered_on, o.ship_priority

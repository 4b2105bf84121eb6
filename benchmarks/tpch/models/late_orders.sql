SELECT
    o.priority,
    count(*) AS orders
FROM {{ ref('transform.stg_orders') }} AS o
WHERE
    o.ordered_on >= DATE '1993-07-01'
    AND o.ordered_on < DATE '1993-10-01'
    AND EXISTS (
        SELECT 1
        FROM {{ ref('transform.stg_lineitems') }} AS l
        WHERE l.order_id = o.order_id AND l.promised_on < l.received_on
    )
GROUP BY o.priority

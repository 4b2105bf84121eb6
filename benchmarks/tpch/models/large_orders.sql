SELECT
    c.customer,
    o.order_id,
    o.ordered_on,
    o.total_price,
    t.quantity
FROM {{ ref('transform.order_totals') }} AS t
INNER JOIN {{ ref('transform.stg_orders') }} AS o ON t.order_id = o.order_id
INNER JOIN {{ ref('transform.stg_customers') }} AS c ON o.customer_id = c.customer_id
WHERE t.quantity > 250

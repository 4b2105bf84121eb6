WITH priced AS (
    SELECT
        i.order_id,
        i.quantity,
        CAST(i.quantity * p.price * (1 - i.discount) AS DECIMAL(18, 2)) AS net
    FROM $stg_order_items AS i
    INNER JOIN $stg_products AS p ON i.product_id = p.product_id
),

totals AS (
    SELECT
        order_id,
        CAST(sum(quantity) AS BIGINT) AS quantity,
        CAST(sum(net) AS DECIMAL(18, 2)) AS net
    FROM priced
    GROUP BY order_id
)

SELECT
    o.order_id,
    o.customer_id,
    o.segment,
    o.ordered_on,
    t.quantity,
    CAST(t.net * $factor AS DECIMAL(18, 2)) AS net,
    o.amount AS billed$added
FROM $orders_enriched AS o
INNER JOIN totals AS t ON o.order_id = t.order_id

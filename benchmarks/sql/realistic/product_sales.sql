WITH sold AS (
    SELECT
        i.product_id,
        o.country,
        i.quantity,
        i.discount
    FROM $stg_order_items AS i
    INNER JOIN $orders_enriched AS o ON i.order_id = o.order_id
)

SELECT
    p.product_id,
    p.category,
    s.country,
    CAST(sum(s.quantity) AS BIGINT) AS quantity,
    CAST(sum(s.quantity * p.price * (1 - s.discount)) * $factor AS DECIMAL(18, 2)) AS net$added
FROM sold AS s
INNER JOIN $stg_products AS p ON s.product_id = p.product_id
GROUP BY p.product_id, p.category, s.country
HAVING sum(s.quantity) > 1

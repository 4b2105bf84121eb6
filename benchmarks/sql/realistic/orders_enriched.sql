WITH placed AS (
    SELECT order_id, customer_id, status, amount, ordered_on
    FROM $stg_orders
    WHERE status <> 'cancelled' AND amount >= $least
)

SELECT
    p.order_id,
    p.customer_id,
    c.segment,
    c.country,
    p.status,
    CAST(p.amount * $factor AS DECIMAL(12, 2)) AS amount,
    p.ordered_on,
    coalesce(e.revenue, 0) AS earlier_revenue$added
FROM placed AS p
INNER JOIN $stg_customers AS c ON p.customer_id = c.customer_id
LEFT JOIN $earlier AS e ON p.customer_id = e.customer_id

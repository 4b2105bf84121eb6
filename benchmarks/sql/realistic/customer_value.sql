WITH spent AS (
    SELECT
        customer_id,
        count(*) AS orders,
        CAST(sum(net) AS DECIMAL(18, 2)) AS revenue,
        min(ordered_on) AS first_ordered_on,
        max(ordered_on) AS last_ordered_on
    FROM $order_totals
    GROUP BY customer_id
)

SELECT
    c.customer_id,
    c.segment,
    c.country,
    coalesce(s.orders, 0) AS orders,
    CAST(coalesce(s.revenue, 0) * $factor AS DECIMAL(18, 2)) AS revenue,
    s.first_ordered_on,
    s.last_ordered_on$added
FROM $stg_customers AS c
LEFT JOIN spent AS s ON c.customer_id = s.customer_id

WITH settled AS (
    SELECT
        customer_id,
        CAST(sum(paid) AS DECIMAL(18, 2)) AS paid,
        count(*) FILTER (WHERE settlement = 'open') AS open_orders
    FROM $payments_matched
    GROUP BY customer_id
),

summed AS (
    SELECT
        r.segment,
        r.decile,
        count(*) AS customers,
        CAST(sum(r.revenue) * $factor AS DECIMAL(18, 2)) AS revenue,
        CAST(coalesce(sum(s.paid), 0) AS DECIMAL(18, 2)) AS paid,
        CAST(coalesce(sum(s.open_orders), 0) AS BIGINT) AS open_orders
    FROM $customer_rank AS r
    LEFT JOIN settled AS s ON r.customer_id = s.customer_id
    GROUP BY r.segment, r.decile
)

SELECT
    segment,
    decile,
    customers,
    revenue,
    paid,
    open_orders,
    revenue - paid AS outstanding$added
FROM summed

WITH placed AS (
    SELECT
        o.customer_id,
        count(*) AS orders,
        CAST(sum(t.net) AS DECIMAL(18, 4)) AS net,
        min(o.ordered_on) AS first_ordered_on,
        max(o.ordered_on) AS last_ordered_on
    FROM {{ ref('transform.stg_orders') }} AS o
    INNER JOIN {{ ref('transform.order_totals') }} AS t ON o.order_id = t.order_id
    GROUP BY o.customer_id
)

SELECT
    c.customer_id,
    c.customer,
    c.segment,
    g.nation,
    g.region,
    coalesce(p.orders, 0) AS orders,
    coalesce(p.net, 0) AS net,
    p.first_ordered_on,
    p.last_ordered_on
FROM {{ ref('transform.stg_customers') }} AS c
INNER JOIN {{ ref('transform.stg_geography') }} AS g ON c.nation_id = g.nation_id
LEFT JOIN placed AS p ON c.customer_id = p.customer_id

SELECT
    orders,
    count(*) AS customers,
    CAST(sum(net) AS DECIMAL(18, 4)) AS net
FROM {{ ref('transform.customer_orders') }}
GROUP BY orders

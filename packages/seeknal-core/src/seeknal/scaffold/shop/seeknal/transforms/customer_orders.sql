/* ---
description: What each customer has ordered so far.
owner: data-team
columns: {customer_id: BIGINT, orders: BIGINT, revenue: 'DECIMAL(18, 2)', loyal: BOOLEAN}
--- */
SELECT
  customer_id,
  count(*) AS orders,
  sum(net_amount) AS revenue,
  count(*) >= {{ var('loyal_from') }} AS loyal
FROM {{ ref('transform.order_facts') }}
GROUP BY customer_id

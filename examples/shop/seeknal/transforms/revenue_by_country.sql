/* ---
description: Orders and revenue a country.
owner: data-team
tags: [finance]
--- */
SELECT
  country,
  count(DISTINCT customer_id) AS customers,
  count(*) AS orders,
  sum(net_amount) AS revenue
FROM {{ ref('transform.order_facts') }}
GROUP BY country
ORDER BY revenue DESC

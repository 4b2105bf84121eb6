/* ---
description: Orders and revenue a day.
owner: data-team
tags: [daily, finance]
audits:
  - {type: unique, columns: [ordered_on]}
  - {type: row_count, min: 1}
--- */
SELECT
  ordered_on,
  count(*) AS orders,
  sum(net_amount) AS revenue
FROM {{ ref('transform.order_facts') }}
GROUP BY ordered_on
ORDER BY ordered_on

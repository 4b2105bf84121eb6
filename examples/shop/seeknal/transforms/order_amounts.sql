/* ---
description: What each order is worth.
owner: data-team
audits:
  - {type: not_null, columns: [amount]}
--- */
SELECT
  order_id,
  count(*) AS items,
  {{ money('sum(quantity * unit_price_cents)') }} AS amount
FROM {{ ref('source.order_items') }}
GROUP BY order_id

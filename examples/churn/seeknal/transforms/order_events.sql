/* ---
description: What customers ordered, and when.
--- */
SELECT
  o.customer_id,
  o.ordered_at,
  o.status,
  CAST(sum(i.quantity * i.unit_price_cents) / 100.0 AS DECIMAL(18, 2)) AS amount
FROM {{ ref('source.orders') }} AS o
JOIN {{ ref('source.order_items') }} AS i ON i.order_id = o.order_id
GROUP BY ALL

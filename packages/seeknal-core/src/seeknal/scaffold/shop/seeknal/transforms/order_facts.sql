/* ---
description: One row an order, with who bought, for how much, and what was given back.
owner: data-team
materialized: view
--- */
SELECT
  o.order_id,
  o.customer_id,
  c.country,
  CAST(o.ordered_at AS DATE) AS ordered_on,
  o.status,
  a.amount,
  coalesce(r.refunded, 0) AS refunded,
  a.amount - coalesce(r.refunded, 0) AS net_amount
FROM {{ ref('source.orders') }} AS o
JOIN {{ ref('transform.clean_customers') }} AS c ON c.customer_id = o.customer_id
JOIN {{ ref('transform.order_amounts') }} AS a ON a.order_id = o.order_id
LEFT JOIN (
  SELECT order_id, {{ money('sum(amount_cents)') }} AS refunded
  FROM {{ ref('source.refunds') }}
  GROUP BY order_id
) AS r ON r.order_id = o.order_id
WHERE o.status <> 'cancelled'

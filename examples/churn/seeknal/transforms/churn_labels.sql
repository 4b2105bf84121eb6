/* ---
description: Who had ordered by a day, and whether they stayed away for the thirty days after it.
--- */
SELECT
  c.customer_id,
  d.asked_at,
  NOT EXISTS (
    SELECT 1
    FROM {{ ref('transform.order_events') }} AS later
    WHERE later.customer_id = c.customer_id
      AND later.ordered_at > d.asked_at
      AND later.ordered_at <= d.asked_at + INTERVAL 30 DAYS
  ) AS churned
FROM {{ ref('source.customers') }} AS c
CROSS JOIN (VALUES (TIMESTAMP '2026-02-01'), (TIMESTAMP '2026-02-15')) AS d(asked_at)
WHERE EXISTS (
  SELECT 1 FROM {{ ref('transform.order_events') }} AS e WHERE e.customer_id = c.customer_id AND e.ordered_at <= d.asked_at
)

/* ---
description: Days are built once; a day that is restated above is built again.
schedule: "0 1 * * *"
time_column: day
start: 2026-01-01
lookback: 1
--- */
SELECT
  CAST(u.hour AS DATE) AS day,
  h.customer,
  sum(u.kwh) AS kwh,
  CAST(sum(u.kwh * t.price) AS DECIMAL(18, 4)) AS cost
FROM {{ ref('usage_by_hour') }} AS u
JOIN {{ ref('meter_history') }} AS h
  ON h.meter = u.meter AND u.hour >= h.valid_from AND (h.valid_to IS NULL OR u.hour < h.valid_to)
JOIN {{ ref('current_tariffs') }} AS t ON t.tariff = h.tariff
GROUP BY ALL

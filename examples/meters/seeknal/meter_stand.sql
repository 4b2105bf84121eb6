/* ---
description: What each meter shows at the end of a day, from what it showed the day before; meters without readings stand still.
schedule: "0 1 * * *"
time_column: day
start: 2026-01-01
columns: {day: DATE, meter: BIGINT, kwh: "DECIMAL(18, 3)"}
--- */
WITH used AS (
  SELECT CAST({{ start_ts }} AS DATE) AS day, meter, sum(kwh) AS kwh
  FROM {{ ref('usage_by_hour') }}
  WHERE hour >= {{ start_ts }} AND hour < {{ end_ts }}
  GROUP BY ALL
),
before AS (
  SELECT meter, kwh FROM {{ this }} WHERE day = CAST({{ start_ts }} AS DATE) - 1
)
SELECT CAST({{ start_ts }} AS DATE) AS day, coalesce(u.meter, b.meter) AS meter, coalesce(b.kwh, 0) + coalesce(u.kwh, 0) AS kwh
FROM used AS u
FULL JOIN before AS b ON b.meter = u.meter

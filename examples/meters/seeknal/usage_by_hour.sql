/* ---
schedule: "0 1 * * *"
interval: hour
time_column: hour
start: 2026-01-01
audits:
  - {type: not_null, columns: [meter, hour]}
--- */
SELECT meter, date_trunc('hour', read_at) AS hour, sum(kwh) AS kwh
FROM {{ ref('source.readings') }}
WHERE read_at >= {{ start_ts }} AND read_at < {{ end_ts }}
GROUP BY ALL

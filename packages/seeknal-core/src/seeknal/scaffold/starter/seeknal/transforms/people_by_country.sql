/* ---
description: How many people live where.
audits:
  - {type: unique, columns: [country]}
--- */
SELECT country, count(*) AS people
FROM {{ ref('source.people') }}
GROUP BY country
ORDER BY country

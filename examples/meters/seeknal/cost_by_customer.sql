SELECT customer, sum(kwh) AS kwh, sum(cost) AS cost, count(DISTINCT day) AS days
FROM {{ ref('cost_by_day') }}
GROUP BY customer

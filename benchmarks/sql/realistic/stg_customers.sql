SELECT
    CAST(customer_id AS BIGINT) AS customer_id,
    trim(CAST(name AS VARCHAR)) AS name,
    lower(CAST(segment AS VARCHAR)) AS segment,
    upper(CAST(country AS VARCHAR)) AS country,
    CAST(CAST(credit AS DECIMAL(12, 2)) * $factor AS DECIMAL(18, 2)) AS revenue,
    CAST(0 AS BIGINT) AS orders$added
FROM $customers

SELECT
    CAST(product_id AS BIGINT) AS product_id,
    CAST(title AS VARCHAR) AS title,
    lower(CAST(category AS VARCHAR)) AS category,
    CAST(CAST(price AS DECIMAL(12, 2)) * $factor AS DECIMAL(12, 2)) AS price$added
FROM $products

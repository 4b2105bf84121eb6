WITH ranked AS (
    SELECT
        product_id,
        category,
        country,
        net,
        row_number() OVER (PARTITION BY category, country ORDER BY net DESC, product_id) AS place
    FROM $product_sales
)

SELECT
    product_id,
    category,
    country,
    CAST(net * $factor AS DECIMAL(18, 2)) AS net,
    place$added
FROM ranked
WHERE place <= 10

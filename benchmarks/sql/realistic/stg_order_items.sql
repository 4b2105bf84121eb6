SELECT
    CAST(order_id AS BIGINT) AS order_id,
    CAST(line AS BIGINT) AS line,
    CAST(product_id AS BIGINT) AS product_id,
    CAST(quantity AS BIGINT) AS quantity,
    CAST(CAST(discount AS DECIMAL(4, 2)) * $factor AS DECIMAL(6, 2)) AS discount$added
FROM $order_items

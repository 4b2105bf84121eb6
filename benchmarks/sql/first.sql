SELECT
    CAST(order_id AS BIGINT) AS id,
    CAST(customer_id AS BIGINT) AS customer_id,
    CAST(status AS VARCHAR) AS status,
    CAST(CAST(amount AS DECIMAL(12, 2)) * $factor AS DECIMAL(12, 2)) AS amount,
    CAST(ordered_on AS DATE) AS ordered_on$added
FROM $orders

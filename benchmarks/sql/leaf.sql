SELECT
    id,
    customer_id,
    status,
    CAST(amount * $factor AS DECIMAL(12, 2)) AS amount,
    ordered_on$added
FROM $trunk
WHERE amount >= $least

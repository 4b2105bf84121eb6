SELECT
    CAST(payment_id AS BIGINT) AS payment_id,
    CAST(order_id AS BIGINT) AS order_id,
    CAST(method AS VARCHAR) AS method,
    CAST(CAST(amount AS DECIMAL(12, 2)) * $factor AS DECIMAL(12, 2)) AS amount,
    CAST(paid_on AS DATE) AS paid_on$added
FROM $payments

SELECT
    customer_id,
    segment,
    CAST(revenue * $factor AS DECIMAL(18, 2)) AS revenue,
    orders,
    rank() OVER (PARTITION BY segment ORDER BY revenue DESC, customer_id) AS place,
    ntile(10) OVER (ORDER BY revenue DESC, customer_id) AS decile$added
FROM $customer_value

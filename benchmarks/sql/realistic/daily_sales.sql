SELECT
    ordered_on,
    segment,
    count(*) AS orders,
    CAST(sum(quantity) AS BIGINT) AS quantity,
    CAST(sum(net) * $factor AS DECIMAL(18, 2)) AS net$added
FROM $order_totals
GROUP BY ordered_on, segment

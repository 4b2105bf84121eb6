SELECT
    ordered_on,
    segment,
    CAST(net * $factor AS DECIMAL(18, 2)) AS net,
    CAST(
        sum(net) OVER (PARTITION BY segment ORDER BY ordered_on ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)
        AS DECIMAL(18, 2)
    ) AS net_7_days,
    net - lag(net) OVER (PARTITION BY segment ORDER BY ordered_on) AS change$added
FROM $daily_sales

SELECT
    return_flag,
    line_status,
    CAST(sum(quantity) AS DECIMAL(18, 2)) AS quantity,
    CAST(sum(price) AS DECIMAL(18, 2)) AS price,
    CAST(sum(net) AS DECIMAL(18, 4)) AS net,
    CAST(sum(net * (1 + tax)) AS DECIMAL(24, 6)) AS charge,
    CAST(avg(discount) AS DECIMAL(8, 4)) AS mean_discount,
    count(*) AS lines
FROM {{ ref('transform.stg_lineitems') }}
WHERE shipped_on <= DATE '1998-09-02'
GROUP BY return_flag, line_status

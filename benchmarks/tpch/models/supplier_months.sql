WITH monthly AS (
    SELECT
        supplier_id,
        CAST(date_trunc('month', shipped_on) AS DATE) AS shipped_in,
        CAST(sum(net) AS DECIMAL(18, 4)) AS net,
        CAST(sum(profit) AS DECIMAL(18, 4)) AS profit
    FROM {{ ref('transform.order_lines') }}
    GROUP BY supplier_id, shipped_in
)

SELECT
    m.supplier_id,
    s.supplier,
    m.shipped_in,
    m.net,
    m.profit,
    CAST(
        sum(m.net) OVER (
            PARTITION BY m.supplier_id ORDER BY m.shipped_in
            ROWS BETWEEN 11 PRECEDING AND CURRENT ROW
        ) AS DECIMAL(18, 4)
    ) AS net_12_months,
    rank() OVER (PARTITION BY m.shipped_in ORDER BY m.net DESC, m.supplier_id) AS place
FROM monthly AS m
INNER JOIN {{ ref('transform.stg_suppliers') }} AS s ON m.supplier_id = s.supplier_id

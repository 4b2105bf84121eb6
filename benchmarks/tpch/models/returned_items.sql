WITH returned AS (
    SELECT
        customer_id,
        CAST(sum(net) AS DECIMAL(18, 4)) AS lost
    FROM {{ ref('transform.order_lines') }}
    WHERE return_flag = 'R'
    GROUP BY customer_id
)

SELECT
    c.customer_id,
    c.customer,
    c.phone,
    c.balance,
    r.lost,
    row_number() OVER (ORDER BY r.lost DESC, c.customer_id) AS place
FROM returned AS r
INNER JOIN {{ ref('transform.stg_customers') }} AS c ON r.customer_id = c.customer_id

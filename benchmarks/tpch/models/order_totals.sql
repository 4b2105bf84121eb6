SELECT
    order_id,
    count(*) AS lines,
    CAST(sum(quantity) AS DECIMAL(18, 2)) AS quantity,
    CAST(sum(net) AS DECIMAL(18, 4)) AS net,
    min(shipped_on) AS first_shipped_on,
    max(received_on) AS last_received_on
FROM {{ ref('transform.stg_lineitems') }}
GROUP BY order_id

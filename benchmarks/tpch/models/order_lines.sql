SELECT
    l.order_id,
    l.line,
    o.customer_id,
    l.part_id,
    l.supplier_id,
    o.ordered_on,
    l.shipped_on,
    l.quantity,
    l.net,
    l.return_flag,
    CAST(l.net - s.supply_cost * l.quantity AS DECIMAL(18, 4)) AS profit
FROM {{ ref('transform.stg_lineitems') }} AS l
INNER JOIN {{ ref('transform.stg_orders') }} AS o ON l.order_id = o.order_id
INNER JOIN {{ ref('transform.stg_part_supply') }} AS s
    ON l.part_id = s.part_id AND l.supplier_id = s.supplier_id

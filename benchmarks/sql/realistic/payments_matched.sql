WITH paid AS (
    SELECT
        order_id,
        count(*) AS payments,
        CAST(sum(amount) AS DECIMAL(18, 2)) AS paid,
        max(paid_on) AS last_paid_on
    FROM $stg_payments
    GROUP BY order_id
)

SELECT
    t.order_id,
    t.customer_id,
    t.net,
    CAST(coalesce(p.paid, 0) * $factor AS DECIMAL(18, 2)) AS paid,
    CASE
        WHEN p.paid IS NULL THEN 'open'
        WHEN p.paid >= t.billed THEN 'settled'
        ELSE 'partial'
    END AS settlement,
    p.last_paid_on$added
FROM $order_totals AS t
LEFT JOIN paid AS p ON t.order_id = p.order_id

SELECT
    l.id,
    r.customer_id,
    l.status,
    CAST(CASE WHEN r.amount > l.amount THEN r.amount ELSE l.amount END * $factor AS DECIMAL(12, 2)) AS amount,
    l.ordered_on$added
FROM $left AS l
INNER JOIN $right AS r ON l.id = r.id

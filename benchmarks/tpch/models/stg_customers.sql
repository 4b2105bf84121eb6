SELECT
    c_custkey AS customer_id,
    c_name AS customer,
    c_nationkey AS nation_id,
    c_mktsegment AS segment,
    c_phone AS phone,
    c_acctbal AS balance
FROM {{ ref('source.customer') }}

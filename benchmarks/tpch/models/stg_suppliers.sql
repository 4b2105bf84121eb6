SELECT
    s_suppkey AS supplier_id,
    s_name AS supplier,
    s_nationkey AS nation_id,
    s_acctbal AS balance
FROM {{ ref('source.supplier') }}

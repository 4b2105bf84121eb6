SELECT
    l_orderkey AS order_id,
    l_linenumber AS line,
    l_partkey AS part_id,
    l_suppkey AS supplier_id,
    l_quantity AS quantity,
    l_extendedprice AS price,
    l_discount AS discount,
    l_tax AS tax,
    CAST(l_extendedprice * (1 - l_discount) AS DECIMAL(18, 4)) AS net,
    l_returnflag AS return_flag,
    l_linestatus AS line_status,
    l_shipdate AS shipped_on,
    l_commitdate AS promised_on,
    l_receiptdate AS received_on,
    l_shipmode AS ship_mode
FROM {{ ref('source.lineitem') }}

SELECT
    ps_partkey AS part_id,
    ps_suppkey AS supplier_id,
    ps_availqty AS available,
    ps_supplycost AS supply_cost
FROM {{ ref('source.partsupp') }}

SELECT
    p_partkey AS part_id,
    p_name AS part,
    p_brand AS brand,
    p_type AS part_type,
    p_size AS size,
    p_retailprice AS retail_price
FROM {{ ref('source.part') }}

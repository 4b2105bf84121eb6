SELECT
    n.n_nationkey AS nation_id,
    n.n_name AS nation,
    r.r_name AS region
FROM {{ ref('source.nation') }} AS n
INNER JOIN {{ ref('source.region') }} AS r ON n.n_regionkey = r.r_regionkey

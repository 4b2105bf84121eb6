"""Functions that neither aggregate nor return several rows, of those the parser has no class for.

What is not listed here may do either, so where it is selected it takes part in deciding the rows.
"""

from __future__ import annotations

SCALAR = frozenset(
    """
    add age ago alias array_aggr array_aggregate array_apply array_cosine_distance array_cosine_similarity array_cross_product array_distance
    array_dot_product array_extract array_grade_up array_has_any array_indexof array_inner_product array_negative_dot_product
    array_negative_inner_product array_pop_back array_pop_front array_push_back array_push_front array_reduce array_resize array_reverse_sort
    array_select array_sort array_to_json array_transform array_unique array_value array_where array_zip bar base64 bin bit_count bit_position
    bitstring can_cast_implicitly cardinality century coalesce combine constant_or_null damerau_levenshtein date_part date_sub datepart datesub
    days_in_month decade divide element_at enum_code enum_first enum_last enum_range enum_range_boundary epoch_ns epoch_us equi_width_bins era
    error even fdiv fmod formatreadabledecimalsize formatreadablesize format_bytes from_binary from_json_strict gamma gcd grade_up
    greatest_common_divisor hamming hash icu_sort_key ilike_escape isfinite isoyear jaccard jaro_similarity json_array_length json_contains
    json_exists json_merge_patch json_pretty json_quote json_structure json_transform json_transform_strict json_valid json_value julian lcm
    least_common_multiple left_grapheme length_grapheme lgamma like_escape list_aggr list_aggregate list_any_value list_apply
    list_approx_count_distinct list_avg list_bit_and list_bit_or list_bit_xor list_bool_and list_bool_or list_cat list_cosine_similarity
    list_count list_dot_product list_element list_entropy list_extract list_first list_grade_up list_has_all list_histogram list_indexof
    list_inner_product list_intersect list_kurtosis list_kurtosis_pop list_last list_mad list_median list_mode list_negative_dot_product
    list_negative_inner_product list_pack list_position list_product list_reduce list_resize list_reverse list_reverse_sort list_select list_sem
    list_skewness list_slice list_sort list_stddev_pop list_stddev_samp list_string_agg list_sum list_unique list_var_pop list_var_samp list_where
    list_zip make_timestamp_ms make_timestamp_ns make_timestamptz map_concat map_contains map_contains_entry map_contains_value map_entries
    map_extract map_extract_value map_values md5_number md5_number_lower md5_number_upper microsecond millennium millisecond mismatches multiply
    nanosecond nextafter nfc_normalize normalized_interval not_ilike_escape not_like_escape octet_length ord parse_dirname parse_dirpath
    parse_filename parse_formatted_bytes parse_path prefix printf regexp_escape regexp_split_to_array replace_type right_grapheme round_even
    roundbankers row row_to_json set_bit signbit strip_accents strlen struct_concat struct_contains struct_extract_at struct_has struct_indexof
    struct_insert struct_keys struct_position struct_update struct_values substring_grapheme subtract suffix timezone timezone_hour timezone_minute
    to_base to_centuries to_days to_decades to_hours to_json to_microseconds to_millennia to_milliseconds to_minutes to_months to_quarters
    to_seconds to_weeks to_years transaction_timestamp try_strptime unbin union_extract union_tag union_value url_decode url_encode uuid_extract_timestamp
    uuid_extract_version uuidv4 uuidv7 weekday yearweek
    current_localtime get_current_timestamp now
    """.split()  # noqa: SIM905 - a list of this length is read more easily as text
)

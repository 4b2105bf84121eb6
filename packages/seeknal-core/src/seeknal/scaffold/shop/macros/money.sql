{# Prices are whole cents in the shop's files; people read amounts. #}
{% macro money(cents) %}CAST({{ cents }} / 100 AS DECIMAL(12, 2)){% endmacro %}

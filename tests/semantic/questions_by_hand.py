"""Questions about the shared shop, each with SQL written by hand from what the rules R1 to R12 say, and questions that are refused."""

from __future__ import annotations

from dataclasses import dataclass

EXTRA = """
kind: metric
name: wholesale_share
type: ratio
numerator: wholesale_revenue
denominator: gross_revenue
---
kind: metric
name: refund_rate_wholesale
type: ratio
numerator: refund_total
denominator: gross
filter: "segment = 'wholesale'"
---
kind: metric
name: growth_year
type: derived
expr: "now - before"
inputs: [{metric: gross_revenue, alias: now}, {metric: gross_revenue, alias: before, offset: 1 year}]
---
kind: metric
name: two_months_ago
type: derived
expr: "earlier"
inputs: [{metric: gross_revenue, alias: earlier, offset: 2 months}]
---
kind: metric
name: growth_before
type: derived
expr: "g"
inputs: [{metric: revenue_growth_mom, alias: g, offset: 1 month}]
---
kind: metric
name: web_kept
type: derived
expr: "w * 1.0 - s"
inputs: [{metric: gross_revenue, alias: w, filter: "channel = 'web'"}, {metric: gross_revenue, alias: s, filter: "channel = 'store'"}]
---
kind: metric
name: odd_division
type: derived
expr: "a / (b - b)"
inputs: [{metric: gross_revenue, alias: a}, {metric: orders_placed, alias: b}]
---
kind: metric
name: running_share
type: ratio
numerator: running_web
denominator: running_revenue
---
kind: metric
name: running_web
type: cumulative
measure: gross
filter: "channel = 'web'"
---
kind: metric
name: running_month_ago
type: derived
expr: "r"
inputs: [{metric: running_revenue, alias: r, offset: 1 month}]
---
kind: metric
name: ytd_revenue
type: cumulative
measure: gross
grain_to_date: year
---
kind: metric
name: wtd_orders
type: cumulative
measure: order_count
grain_to_date: week
---
kind: metric
name: trailing_month
type: cumulative
measure: gross
window: 1 month
---
kind: metric
name: trailing_max
type: cumulative
measure: biggest_order
window: 3 days
---
kind: metric
name: revenue_zero
type: simple
measure: gross
fill_nulls_with: 0
---
kind: metric
name: running_refunds
type: cumulative
measure: refund_total
---
kind: semantic_model
name: tickets_again
model: ref('source.support_tickets')
entities: [{name: again_id, type: primary, expr: ticket_id}]
measures: [{name: log_lines, expr: ticket_id, agg: count}]
---
kind: metric
name: lines
type: simple
measure: tickets_again.log_lines
"""


@dataclass(frozen=True)
class Case:
    """A question in the words of the command line, and SQL over the tables of the same names as the files."""

    name: str
    metrics: str
    dimensions: str
    sql: str
    filters: tuple[str, ...] = ()
    order_by: str = ""
    limit: int | None = None


SPAN = (
    "WITH days AS (SELECT unnest(generate_series((SELECT min(ordered_at::DATE) FROM orders), (SELECT max(ordered_at::DATE) FROM orders), "
    "INTERVAL 1 DAY))::DATE AS d) "
)
MONTH = "date_trunc('month', ordered_at)"

CASES = [
    Case("a NULL dimension is one group beside a filter that is unknown for it", "gross_revenue", "segment",
         "SELECT c.segment, sum(o.amount) FROM orders o LEFT JOIN customers c USING (customer_id) WHERE o.status <> 'refunded' GROUP BY 1",
         ("status <> 'refunded'",)),
    Case("OR of a joined and an own dimension", "gross_revenue", "channel",
         "SELECT o.channel, sum(o.amount) FROM orders o LEFT JOIN customers c USING (customer_id) WHERE c.region = 'North' OR o.channel = 'web' GROUP BY 1",
         ("region = 'North' OR channel = 'web'",)),
    Case("IS NULL finds dangling keys too", "orders_placed", "",
         "SELECT count(order_id) FROM orders o LEFT JOIN customers c USING (customer_id) WHERE c.region IS NULL", ("region IS NULL",)),
    Case("NOT IN with NULLs", "orders_placed", "",
         "SELECT count(order_id) FROM orders o LEFT JOIN customers c USING (customer_id) WHERE c.region NOT IN ('North', 'South')",
         ("region NOT IN ('North', 'South')",)),
    Case("three hops: units by the country of the supplier", "units_sold", "country",
         "SELECT s.country, sum(i.quantity) FROM order_items i LEFT JOIN products p USING (product_id) LEFT JOIN suppliers s USING (supplier_id) GROUP BY 1"),
    Case("a filter across two hops, a group by another way", "units_sold", "category",
         "SELECT p.category, sum(i.quantity) FROM order_items i LEFT JOIN products p USING (product_id) LEFT JOIN orders o USING (order_id) "
         "LEFT JOIN customers c USING (customer_id) WHERE c.segment = 'retail' GROUP BY 1", ("segment = 'retail'",)),
    Case("a unique entity is joined as a primary one", "ticket_count,worst_severity", "region",
         "SELECT c.region, count(t.ticket_id), max(t.severity) FROM support_tickets t LEFT JOIN customers c USING (contact_email) GROUP BY 1"),
    Case("an ambiguous way, qualified", "parcels_moved", "courier_id__city_name",
         "SELECT ci.city_name, sum(d.parcels) FROM deliveries d LEFT JOIN couriers c USING (courier_id) LEFT JOIN cities ci ON ci.city_id = c.city_id GROUP BY 1"),
    Case("both ways at once", "parcels_moved", "courier_id__city_id__city_name,depot_id__city_id__city_name",
         "SELECT a.city_name, b.city_name, sum(d.parcels) FROM deliveries d LEFT JOIN couriers c USING (courier_id) LEFT JOIN cities a ON a.city_id = c.city_id "
         "LEFT JOIN depots p USING (depot_id) LEFT JOIN cities b ON b.city_id = p.city_id GROUP BY 1, 2"),
    Case("a filter by one way and a group by the other", "parcels_moved", "depot_id__city_id__city_name",
         "SELECT b.city_name, sum(d.parcels) FROM deliveries d LEFT JOIN couriers c USING (courier_id) LEFT JOIN cities a ON a.city_id = c.city_id "
         "LEFT JOIN depots p USING (depot_id) LEFT JOIN cities b ON b.city_id = p.city_id WHERE a.city_name = 'Aarhus' GROUP BY 1",
         ("courier_id__city_id__city_name = 'Aarhus'",)),
    Case("a foreign key can be grouped by, dangling ones too", "gross_revenue", "customer_id",
         "SELECT customer_id, sum(amount) FROM orders GROUP BY 1"),
    Case("an entity in a filter", "gross_revenue", "channel", "SELECT channel, sum(amount) FROM orders WHERE customer_id BETWEEN 2 AND 4 GROUP BY 1",
         ("customer_id BETWEEN 2 AND 4",)),
    Case("an entity of a joined model", "units_sold", "supplier_id",
         "SELECT p.supplier_id, sum(i.quantity) FROM order_items i LEFT JOIN products p USING (product_id) GROUP BY 1"),
    Case("chasm trap of three facts by region", "gross_revenue,refunded_amount,units_sold", "region",
         "WITH a AS (SELECT c.region, sum(o.amount) v FROM orders o LEFT JOIN customers c USING (customer_id) GROUP BY 1), "
         "b AS (SELECT c.region, sum(r.amount) v FROM refunds r LEFT JOIN customers c USING (customer_id) GROUP BY 1), "
         "u AS (SELECT c.region, sum(i.quantity) v FROM order_items i LEFT JOIN orders o USING (order_id) LEFT JOIN customers c USING (customer_id) GROUP BY 1), "
         "k AS (SELECT region FROM a UNION SELECT region FROM b UNION SELECT region FROM u) "
         "SELECT k.region, a.v, b.v, u.v FROM k LEFT JOIN a ON a.region IS NOT DISTINCT FROM k.region "
         "LEFT JOIN b ON b.region IS NOT DISTINCT FROM k.region LEFT JOIN u ON u.region IS NOT DISTINCT FROM k.region"),
    Case("facts with a filter on a shared dimension", "gross_revenue,refund_count", "",
         "SELECT (SELECT sum(o.amount) FROM orders o LEFT JOIN customers c USING (customer_id) WHERE c.segment = 'retail'), "
         "(SELECT count(r.refund_id) FROM refunds r LEFT JOIN customers c USING (customer_id) WHERE c.segment = 'retail')", ("segment = 'retail'",)),
    Case("a ratio of two facts with its own filter over both", "refund_rate_wholesale", "",
         "SELECT (SELECT sum(r.amount) FROM refunds r LEFT JOIN customers c USING (customer_id) WHERE c.segment = 'wholesale')::DOUBLE / "
         "(SELECT sum(o.amount) FROM orders o LEFT JOIN customers c USING (customer_id) WHERE c.segment = 'wholesale')"),
    Case("a derived ratio over items and orders", "units_per_order", "region",
         "WITH u AS (SELECT c.region, sum(i.quantity) v FROM order_items i LEFT JOIN orders o USING (order_id) LEFT JOIN customers c USING (customer_id) GROUP BY 1), "
         "n AS (SELECT c.region, count(order_id) v FROM orders o LEFT JOIN customers c USING (customer_id) GROUP BY 1) "
         "SELECT n.region, u.v / n.v::DOUBLE FROM n LEFT JOIN u ON u.region IS NOT DISTINCT FROM n.region"),
    Case("inputs with filters of their own", "web_kept", "ordered_at__month",
         f"SELECT {MONTH}, sum(amount) FILTER (channel = 'web') - sum(amount) FILTER (channel = 'store') FROM orders WHERE channel IN ('web', 'store') GROUP BY 1"),
    Case("a division by an expression that is zero", "odd_division", "channel", "SELECT channel, NULL FROM orders GROUP BY 1"),
    Case("month over month over a gap", "revenue_growth_mom", "ordered_at__month",
         f"WITH m AS (SELECT {MONTH} m, sum(amount) v FROM orders GROUP BY 1), k AS (SELECT m FROM m UNION SELECT m + INTERVAL 1 MONTH FROM m) "
         "SELECT k.m, (a.v - b.v) / NULLIF(b.v, 0) FROM k LEFT JOIN m a ON a.m = k.m LEFT JOIN m b ON b.m = k.m - INTERVAL 1 MONTH"),
    Case("two months ago", "two_months_ago", "metric_time__month",
         f"SELECT {MONTH} + INTERVAL 2 MONTH, sum(amount) FROM orders GROUP BY 1"),
    Case("a year ago by quarter", "growth_year", "ordered_at__quarter",
         "WITH q AS (SELECT date_trunc('quarter', ordered_at) q, sum(amount) v FROM orders GROUP BY 1), k AS (SELECT q FROM q UNION SELECT q + INTERVAL 1 YEAR FROM q) "
         "SELECT k.q, a.v - b.v FROM k LEFT JOIN q a ON a.q = k.q LEFT JOIN q b ON b.q = k.q - INTERVAL 1 YEAR"),
    Case("an offset in an offset", "growth_before", "ordered_at__month",
         f"WITH m AS (SELECT {MONTH} m, sum(amount) v FROM orders GROUP BY 1), k AS (SELECT m + INTERVAL 1 MONTH m FROM m UNION SELECT m + INTERVAL 2 MONTH FROM m) "
         "SELECT k.m, (a.v - b.v) / NULLIF(b.v, 0) FROM k LEFT JOIN m a ON a.m = k.m - INTERVAL 1 MONTH LEFT JOIN m b ON b.m = k.m - INTERVAL 2 MONTH"),
    Case("last week by week", "revenue_last_week", "ordered_at__week",
         "SELECT date_trunc('week', ordered_at) + INTERVAL 7 DAY, sum(amount) FROM orders GROUP BY 1"),
    Case("last week by day", "revenue_last_week", "ordered_at__day", "SELECT ordered_at::DATE + 7, sum(amount) FROM orders GROUP BY 1"),
    Case("a condition on time cuts what an offset shows, not what it looks back to", "revenue_last_week", "ordered_at__week",
         "SELECT date_trunc('week', ordered_at) + INTERVAL 7 DAY, sum(amount) FROM orders GROUP BY 1 HAVING date_trunc('week', ordered_at) + INTERVAL 7 DAY >= DATE '2026-03-30'",
         ("ordered_at__week >= '2026-03-30'",)),
    Case("running total by region and month", "running_revenue", "region,ordered_at__month",
         SPAN + ", g AS (SELECT DISTINCT c.region FROM orders o LEFT JOIN customers c USING (customer_id)), e AS (SELECT max(d) d FROM days GROUP BY date_trunc('month', d)), "
         "x AS (SELECT g.region, date_trunc('month', e.d) m, sum(o.amount) v, count(o.order_id) n FROM e CROSS JOIN g "
         "JOIN (SELECT o.*, c.region FROM orders o LEFT JOIN customers c USING (customer_id)) o ON o.region IS NOT DISTINCT FROM g.region AND o.ordered_at::DATE <= e.d GROUP BY 1, 2) "
         "SELECT region, m, v FROM x"),
    Case("month to date by week: the value at each week's last day", "mtd_revenue", "ordered_at__week",
         SPAN + ", e AS (SELECT max(d) d FROM days GROUP BY date_trunc('week', d)) SELECT date_trunc('week', e.d), sum(o.amount) FROM e "
         "JOIN orders o ON o.ordered_at::DATE <= e.d AND o.ordered_at::DATE >= date_trunc('month', e.d) GROUP BY 1"),
    Case("year to date by month", "ytd_revenue", "ordered_at__month",
         SPAN + ", e AS (SELECT max(d) d FROM days GROUP BY date_trunc('month', d)) SELECT date_trunc('month', e.d), sum(o.amount) FROM e "
         "JOIN orders o ON o.ordered_at::DATE <= e.d AND o.ordered_at::DATE >= date_trunc('year', e.d) GROUP BY 1"),
    Case("week to date by day", "wtd_orders", "ordered_at__day",
         SPAN + "SELECT d, count(o.order_id) FROM days JOIN orders o ON o.ordered_at::DATE <= d AND o.ordered_at::DATE >= date_trunc('week', d) GROUP BY 1"),
    Case("seven days at the end of each month", "trailing_7d_revenue", "ordered_at__month",
         SPAN + ", e AS (SELECT max(d) d FROM days GROUP BY date_trunc('month', d)) SELECT date_trunc('month', e.d), sum(o.amount) FROM e "
         "JOIN orders o ON o.ordered_at::DATE <= e.d AND o.ordered_at::DATE > e.d - 7 GROUP BY 1"),
    Case("distinct buyers of seven days by region", "trailing_7d_buyers", "ordered_at__day,region",
         SPAN + "SELECT d, c.region, count(DISTINCT o.customer_id) FROM days JOIN orders o ON o.ordered_at::DATE <= d AND o.ordered_at::DATE > d - 7 "
         "LEFT JOIN customers c USING (customer_id) GROUP BY 1, 2"),
    Case("a window of a calendar month", "trailing_month", "ordered_at__day",
         SPAN + "SELECT d, sum(o.amount) FROM days JOIN orders o ON o.ordered_at::DATE <= d AND o.ordered_at::DATE > d - INTERVAL 1 MONTH GROUP BY 1"),
    Case("the largest of three days", "trailing_max", "ordered_at__day",
         SPAN + "SELECT d, max(o.amount) FROM days JOIN orders o ON o.ordered_at::DATE <= d AND o.ordered_at::DATE > d - 3 GROUP BY 1"),
    Case("a condition on the channel cuts the rows of a running total, one on time its days", "running_revenue", "ordered_at__day",
         SPAN + "SELECT d, sum(o.amount) FROM days JOIN orders o ON o.ordered_at::DATE <= d WHERE o.channel = 'store' AND d BETWEEN DATE '2026-02-01' AND DATE '2026-02-10' GROUP BY 1",
         ("channel = 'store'", "ordered_at BETWEEN '2026-02-01' AND '2026-02-10'")),
    Case("a ratio of running totals", "running_share", "ordered_at__month",
         SPAN + ", e AS (SELECT max(d) d FROM days GROUP BY date_trunc('month', d)) SELECT date_trunc('month', e.d), sum(o.amount) FILTER (o.channel = 'web') / sum(o.amount) "
         "FROM e JOIN orders o ON o.ordered_at::DATE <= e.d GROUP BY 1"),
    Case("a condition on a running total by day", "running_revenue", "ordered_at__day",
         SPAN + "SELECT d, sum(o.amount) v FROM days JOIN orders o ON o.ordered_at::DATE <= d GROUP BY 1 HAVING v > 1200", ("running_revenue > 1200",)),
    Case("a condition on a window that is not shown", "gross_revenue", "ordered_at__day",
         SPAN + ", w AS (SELECT d, sum(o.amount) v FROM days JOIN orders o ON o.ordered_at::DATE <= d AND o.ordered_at::DATE > d - 7 GROUP BY 1) "
         "SELECT ordered_at::DATE, sum(amount) FROM orders JOIN w ON w.d = ordered_at::DATE WHERE w.v > 150 GROUP BY 1", ("trailing_7d_revenue > 150",)),
    Case("running totals of two facts on one time", "running_revenue,running_refunds", "metric_time__month",
         SPAN + ", e AS (SELECT max(d) d FROM days GROUP BY date_trunc('month', d)), a AS (SELECT date_trunc('month', e.d) m, sum(o.amount) v FROM e JOIN orders o ON o.ordered_at::DATE <= e.d GROUP BY 1), "
         "rd AS (SELECT unnest(generate_series((SELECT min(refunded_at) FROM refunds), (SELECT max(refunded_at) FROM refunds), INTERVAL 1 DAY))::DATE AS d), "
         "re AS (SELECT max(d) d FROM rd GROUP BY date_trunc('month', d)), b AS (SELECT date_trunc('month', re.d) m, sum(r.amount) v FROM re JOIN refunds r ON r.refunded_at <= re.d GROUP BY 1) "
         "SELECT m, a.v, b.v FROM a FULL JOIN b USING (m)"),
    Case("a running total a month ago", "running_month_ago", "ordered_at__month",
         SPAN + ", e AS (SELECT max(d) d FROM days GROUP BY date_trunc('month', d)) SELECT date_trunc('month', e.d) + INTERVAL 1 MONTH, sum(o.amount) FROM e "
         "JOIN orders o ON o.ordered_at::DATE <= e.d GROUP BY 1"),
    Case("several metrics of one model, two of them filtered", "total_revenue,web_revenue,unique_buyers,average_ticket", "ordered_at__month",
         f"SELECT {MONTH}, sum(amount) FILTER (status <> 'refunded'), sum(amount) FILTER (channel = 'web'), count(DISTINCT customer_id), avg(amount) FROM orders GROUP BY 1"),
    Case("a metric with a filter has no group where it has no rows", "web_revenue", "status",
         "SELECT status, sum(amount) FROM orders WHERE channel = 'web' GROUP BY 1"),
    Case("an absent value beside a present one", "web_revenue,orders_placed", "status",
         "SELECT status, sum(amount) FILTER (channel = 'web'), count(order_id) FROM orders GROUP BY 1"),
    Case("zero where there is no value", "revenue_zero,refunded_amount", "metric_time__month",
         "WITH a AS (SELECT date_trunc('month', ordered_at) m, sum(amount) v FROM orders GROUP BY 1), b AS (SELECT date_trunc('month', refunded_at) m, sum(amount) v FROM refunds GROUP BY 1) "
         "SELECT m, coalesce(a.v, 0), b.v FROM a FULL JOIN b USING (m)"),
    Case("a condition on a metric that is not shown", "orders_placed", "region",
         "SELECT c.region, count(order_id) FROM orders o LEFT JOIN customers c USING (customer_id) GROUP BY 1 HAVING sum(o.amount) > 200", ("gross_revenue > 200",)),
    Case("conditions on rows and groups in one filter", "gross_revenue", "region",
         "SELECT c.region, sum(o.amount) FROM orders o LEFT JOIN customers c USING (customer_id) WHERE o.channel = 'web' GROUP BY 1 HAVING sum(o.amount) > 100",
         ("channel = 'web' AND gross_revenue > 100",)),
    Case("a condition on a metric of another fact", "gross_revenue", "region",
         "WITH r AS (SELECT c.region, sum(r.amount) v FROM refunds r LEFT JOIN customers c USING (customer_id) GROUP BY 1) "
         "SELECT c.region, sum(o.amount) FROM orders o LEFT JOIN customers c USING (customer_id) GROUP BY 1 "
         "HAVING (SELECT v FROM r WHERE r.region IS NOT DISTINCT FROM c.region) > 20", ("refunded_amount > 20",)),
    Case("order with NULLs last, descending and limited", "gross_revenue", "region",
         "SELECT c.region, sum(o.amount) v FROM orders o LEFT JOIN customers c USING (customer_id) GROUP BY 1 ORDER BY c.region DESC NULLS LAST LIMIT 4", order_by="-region", limit=4),
    Case("a limit of nothing", "gross_revenue", "region", "SELECT 'x', 1 WHERE FALSE", limit=0),
    Case("levels: the last count of each product in the month", "stock_on_hand", "counted_on__month",
         "WITH l AS (SELECT *, row_number() OVER (PARTITION BY product_id, date_trunc('month', counted_on) ORDER BY counted_on DESC) n FROM stock_counts) "
         "SELECT date_trunc('month', counted_on), sum(on_hand) FROM l WHERE n = 1 GROUP BY 1"),
    Case("levels without a time: the last count of each product", "stock_on_hand", "category",
         "WITH l AS (SELECT *, row_number() OVER (PARTITION BY product_id ORDER BY counted_on DESC) n FROM stock_counts) "
         "SELECT p.category, sum(on_hand) FROM l LEFT JOIN products p USING (product_id) WHERE n = 1 GROUP BY 1"),
    Case("validity: refunds by the tier on the day of the refund", "refunds_issued", "tier",
         "SELECT t.tier, count(refund_id) FROM refunds r LEFT JOIN customer_tiers t ON t.customer_id = r.customer_id AND r.refunded_at >= t.valid_from "
         "AND (t.valid_to IS NULL OR r.refunded_at < t.valid_to) GROUP BY 1"),
    Case("validity in a filter", "gross_revenue", "region",
         "SELECT c.region, sum(o.amount) FROM orders o LEFT JOIN customers c USING (customer_id) LEFT JOIN customer_tiers t ON t.customer_id = o.customer_id "
         "AND o.ordered_at::DATE >= t.valid_from AND (t.valid_to IS NULL OR o.ordered_at::DATE < t.valid_to) WHERE t.tier = 'gold' GROUP BY 1", ("tier = 'gold'",)),
    Case("every month, filled", "orders_filled", "ordered_at__month",
         f"SELECT m, coalesce(n, 0) FROM (SELECT unnest(generate_series(DATE '2025-12-01', DATE '2026-04-01', INTERVAL 1 MONTH)) m) LEFT JOIN "
         f"(SELECT {MONTH} m, count(order_id) n FROM orders GROUP BY 1) USING (m)"),
    Case("every week of each channel, filled", "orders_filled", "ordered_at__week,channel",
         "SELECT w, g.channel, coalesce(n, 0) FROM (SELECT unnest(generate_series((SELECT min(date_trunc('week', ordered_at)) FROM orders), "
         "(SELECT max(date_trunc('week', ordered_at)) FROM orders), INTERVAL 7 DAY)) w) CROSS JOIN (SELECT DISTINCT channel FROM orders) g LEFT JOIN "
         "(SELECT date_trunc('week', ordered_at) w, channel, count(order_id) n FROM orders GROUP BY 1, 2) USING (w, channel)"),
    Case("median by segment", "median_ticket", "segment",
         "SELECT c.segment, median(o.amount) FROM orders o LEFT JOIN customers c USING (customer_id) GROUP BY 1"),
    Case("a time two joins away", "units_sold", "signed_up_on__quarter",
         "SELECT date_trunc('quarter', c.signed_up_on), sum(i.quantity) FROM order_items i LEFT JOIN orders o USING (order_id) LEFT JOIN customers c USING (customer_id) GROUP BY 1"),
    Case("a CASE dimension of a joined model is NULL where nothing is joined", "refunded_amount", "price_band",
         "SELECT CASE WHEN o.order_id IS NULL THEN NULL WHEN o.amount >= 100 THEN 'high' WHEN o.amount >= 30 THEN 'mid' ELSE 'low' END, sum(r.amount) "
         "FROM refunds r LEFT JOIN orders o USING (order_id) GROUP BY 1"),
    Case("two grains at once", "gross_revenue", "ordered_at__month,ordered_at__quarter",
         f"SELECT {MONTH}, date_trunc('quarter', ordered_at), sum(amount) FROM orders GROUP BY 1, 2"),
    Case("a reserved word", "gross_revenue", "group", 'SELECT "group", sum(amount) FROM orders WHERE "group" = \'A\' GROUP BY 1', ("\"group\" = 'A'",)),
    Case("growth by region: regions of either month", "revenue_growth_mom", "region,ordered_at__month",
         f"WITH m AS (SELECT c.region, {MONTH} m, sum(o.amount) v FROM orders o LEFT JOIN customers c USING (customer_id) GROUP BY 1, 2), "
         "k AS (SELECT region, m FROM m UNION SELECT region, m + INTERVAL 1 MONTH FROM m) SELECT k.region, k.m, (a.v - b.v) / NULLIF(b.v, 0) FROM k "
         "LEFT JOIN m a ON a.m = k.m AND a.region IS NOT DISTINCT FROM k.region LEFT JOIN m b ON b.m = k.m - INTERVAL 1 MONTH AND b.region IS NOT DISTINCT FROM k.region"),
    Case("an empty table by a dimension has no groups", "bytes_logged", "logged_at__month", "SELECT 1, 1 WHERE FALSE"),
    Case("a filter on a day is one on days, not on moments", "orders_placed", "",
         "SELECT count(order_id) FROM orders WHERE ordered_at::DATE <= DATE '2025-12-31'", ("ordered_at <= '2025-12-31'",)),
    Case("a day that equals", "orders_placed", "", "SELECT count(order_id) FROM orders WHERE ordered_at::DATE = DATE '2026-01-05'", ("ordered_at = '2026-01-05'",)),
    Case("a metric asked twice stands once", "gross_revenue,gross_revenue", "channel,channel", "SELECT channel, sum(amount) FROM orders GROUP BY 1"),
    Case("a measure that two models have, by its qualified name", "empty_log.log_lines,tickets_again.log_lines,lines", "",
         "SELECT 0, count(*), count(*) FROM support_tickets"),
    Case("customers by the month they came", "customer_count", "signed_up_on__quarter", "SELECT date_trunc('quarter', signed_up_on), count(customer_id) FROM customers GROUP BY 1"),
    Case("a customer's signing up as a dimension of orders", "gross_revenue", "signed_up_on__month",
         "SELECT date_trunc('month', c.signed_up_on), sum(o.amount) FROM orders o LEFT JOIN customers c USING (customer_id) GROUP BY 1"),
]  # fmt: skip


@dataclass(frozen=True)
class Refused:
    """A question that has no answer, with words that must be in what is said."""

    metrics: str
    dimensions: str = ""
    filters: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    order_by: str = ""


REFUSED = [
    Refused("units_sold,gross_revenue", "category", words=("category", "order_items")),
    Refused("parcels_moved", "", ("city_name = 'Cork'",), ("city_name", "courier_id__", "depot_id__")),
    Refused("gross_revenue,visit_count", "region", words=("region", "customer_id__region")),
    Refused("revenue_growth_mom", "", words=("ordered_at",)),
    Refused("revenue_growth_mom", "region", words=("metric_time",)),
    Refused("revenue_growth_mom", "ordered_at__year", words=("year", "1 month")),
    Refused("revenue_last_week", "ordered_at__quarter", words=("quarter",)),
    Refused("gross_revenue", "metric_time__hour", words=("hour", "day")),
    Refused("customer_count", "metric_time__month", words=("metric_time",)),
    Refused("gross_revenue", "regoin", words=("region",)),
    Refused("gross_revenue", "", ("utm__source = 'mail'",), ("utm__source",)),
    Refused("gross_revenue", "", ("gross_revenue > 3 OR channel = 'web'",), ("channel",)),
    Refused("gross_revenue", "", ("sum(amount) > 3",), ("sum",)),
    Refused("gross_revenue", "", ("count(*) > 3",), ("aggregate",)),
    Refused("gross_revenue", "", ("channel = 'web' UNION SELECT 1",), ("filter",)),
    Refused("gross_revenue", "", ("",), ("filter",)),
    Refused("gross_revenue", "", ("1 + 1",), ("1 + 1",)),
    Refused("gross_revenue", "", ("channel = $x",), ("filter",)),
    Refused("gross_revenue", "", ("random() > 0.5",), ("random",)),
    Refused("gross_revenue", "", ("channel = 'web' /* x */",), ("comment",)),
    Refused("gross_revenue", "", ("row_number() OVER () = 1",), ("filter",)),
    Refused("gross_revenue", "channel", order_by="channel DESC", words=("channel DESC",)),
    Refused("gross_revenue", "channel", order_by="--channel", words=("order",)),
    Refused("log_lines", words=("empty_log.log_lines", "tickets_again.log_lines")),
    Refused("orders.gross_typo", words=("orders.gross_typo",)),
]

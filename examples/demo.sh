#!/bin/sh
# Builds the example shop, edits it, and shows that only the nodes that read what was edited are built again.
# `make demo` runs it; everything it writes is in .demo/.
set -eu

demo="$(cd "$(dirname "$0")/.." && pwd)/.demo"
rm -rf "$demo"
mkdir -p "$demo"
cd "$demo"

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
fi

say() { printf '\n%s# %s%s\n' "$dim" "$1" "$plain"; }
try() { printf '%s$ %s%s\n' "$bold" "$1" "$plain"; eval "$1"; }

exec 2>&1  # one stream, so that what is printed stays in order

say "A small shop: customers, orders, order items and refunds."
try "seeknal init shop --example --quiet"
try "cd shop"

say "The first run builds everything. Three customers have no email: worth a warning, no reason to stop."
try "seeknal run"

say "Nothing has changed since, so nothing is built."
try "seeknal run"

say "A comment changes no result. There is still nothing to do."
try "sed -i.before 's/^SELECT\$/SELECT -- one row an order/' seeknal/transforms/order_amounts.sql"
try "seeknal plan"

say "Counting pieces instead of lines is another number, in a column that no other node reads. One node will be built."
try "sed -i.before 's/count(\*) AS items/sum(quantity) AS items/' seeknal/transforms/order_amounts.sql"
try "seeknal plan"
try "seeknal run --quiet"

say "Now a column that is read: Singapore's customers are counted as Malaysia's. Only what reads the country of a customer is reached."
try "sed -i.before \"s/upper(country) AS country/replace(upper(country), 'SG', 'MY') AS country/\" seeknal/transforms/clean_customers.yml"
try "seeknal plan"
say "revenue_by_day reads the same view, but not the country, and is not built."
try "seeknal run"

say "Going back finds the tables that are still there. What is built is the view, and the rule that reads it."
try "mv seeknal/transforms/clean_customers.yml.before seeknal/transforms/clean_customers.yml"
try "seeknal run --quiet"

say "A column that is not there is found before anything runs."
try "sed -i.before 's/sum(net_amount)/sum(net_amuont)/' seeknal/transforms/revenue_by_day.sql"
try "seeknal plan || true"
try "mv seeknal/transforms/revenue_by_day.sql.before seeknal/transforms/revenue_by_day.sql"

say "What is published can be read,"
try "seeknal show revenue_by_country"

say "or asked in SQL."
try "seeknal repl --exec 'SELECT segment, count(*) AS customers, sum(revenue) AS revenue
                     FROM transform.customer_segments GROUP BY segment ORDER BY revenue DESC'"

say "The project is in .demo/shop: go on there with \`seeknal repl\`, or change a file and run again."

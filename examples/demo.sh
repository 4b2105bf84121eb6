#!/bin/sh
# Builds the example shop, changes one transform, and shows that only what it reaches is built again.
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

say "Counting pieces instead of lines does change it. order_amounts will be built; what reads it may be."
try "sed -i.before 's/count(\*) AS items/sum(quantity) AS items/' seeknal/transforms/order_amounts.sql"
try "seeknal plan"
say "A node whose inputs came out the same is not built: customer_segments reads customers' orders, and those did not change."
try "seeknal run"

say "What is published can be read,"
try "seeknal show revenue_by_country"

say "or asked in SQL."
try "seeknal repl --exec 'SELECT segment, count(*) AS customers, sum(revenue) AS revenue
                     FROM transform.customer_segments GROUP BY segment ORDER BY revenue DESC'"

say "The project is in .demo/shop: go on there with \`seeknal repl\`, or change a file and run again."

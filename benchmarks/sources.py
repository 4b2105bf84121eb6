"""The CSV files that every generated project reads: small, and the same on every machine."""

import csv
import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

SOURCES = ("customers", "products", "orders", "order_items", "payments")

CUSTOMERS = 500
PRODUCTS = 100
DEFAULT_ORDERS = 2000

_SEED = 20240229
_FIRST_DAY = date(2024, 1, 1)
_DAYS = 365

Row = Sequence[str | int]


def write_sources(folder: Path, orders: int = DEFAULT_ORDERS) -> None:
    """Write ``<folder>/<source>.csv`` for every source; `orders` is the number of orders."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "customers": (("customer_id", "name", "segment", "country", "credit"), _customers()),
        "products": (("product_id", "title", "category", "price"), _products()),
        "orders": (("order_id", "customer_id", "status", "amount", "ordered_on"), _orders(orders)),
        "order_items": (("order_id", "line", "product_id", "quantity", "discount"), _items(orders)),
        "payments": (
            ("payment_id", "order_id", "method", "amount", "paid_on"),
            _payments(orders),
        ),
    }
    for name, (columns, rows) in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)


def _random(name: str) -> random.Random:
    return random.Random(f"{_SEED} {name}")  # noqa: S311


def _day(offset: int) -> str:
    return (_FIRST_DAY + timedelta(days=offset)).isoformat()


def _cents(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _customers() -> Iterator[Row]:
    pick = _random("customers")
    for number in range(1, CUSTOMERS + 1):
        segment = pick.choice(("Consumer", "Business", "Public"))
        country = pick.choice(("id", "sg", "my", "th", "vn"))
        yield number, f"Customer {number}", segment, country, _cents(pick.randrange(100_000))


def _products() -> Iterator[Row]:
    pick = _random("products")
    for number in range(1, PRODUCTS + 1):
        category = pick.choice(("Books", "Garden", "Kitchen", "Music", "Tools"))
        yield number, f"Product {number}", category, _cents(pick.randrange(100, 20_000))


def _orders(orders: int) -> Iterator[Row]:
    pick = _random("orders")
    for number in range(1, orders + 1):
        customer = pick.randint(1, CUSTOMERS)
        status = pick.choice(("placed", "shipped", "returned", "cancelled"))
        yield number, customer, status, _cents(pick.randrange(10_000, 90_000)), _order_day(number)


def _order_day(number: int) -> str:
    return _day(number * 7919 % _DAYS)


def _items(orders: int) -> Iterator[Row]:
    pick = _random("order_items")
    for number in range(1, orders + 1):
        for line in range(1, pick.randint(1, 4) + 1):
            discount = _cents(pick.choice((0, 0, 0, 5, 10, 25)))
            yield number, line, pick.randint(1, PRODUCTS), pick.randint(1, 9), discount


def _payments(orders: int) -> Iterator[Row]:
    pick = _random("payments")
    payment = 0
    for number in range(1, orders + 1):
        for _ in range(pick.choice((0, 1, 1, 2))):
            payment += 1
            method = pick.choice(("card", "transfer", "cash"))
            paid_on = _day((number * 7919 % _DAYS) + pick.randint(0, 30))
            yield payment, number, method, _cents(pick.randrange(5_000, 60_000)), paid_on

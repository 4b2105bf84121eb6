"""What is suggested for a word that nobody knows: what was meant, or nothing."""

from __future__ import annotations

import pytest

from seeknal.errors import nearest


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("amuont", ["account", "amount"], "amount"),
        ("clean_user", ["users", "clean_users"], "clean_users"),
        ("costumer", ["customer"], "customer"),
        ("parket", ["csv", "parquet"], "parquet"),
        ("Severty", ["severity"], "severity"),
        ("prefx", ["prefix"], "prefix"),
        ("tpye", ["type"], "type"),
        ("total", ["id", "order_total"], "order_total"),
        ("order_amount", ["amount", "orders"], "amount"),
        ("ii", ["i"], "i"),
        ("id", ["ip", "at"], None),
        ("x", ["y"], None),
        ("revenue", ["amount", "country"], None),
        ("status", ["state_code"], None),
        ("anything", [], None),
    ],
)
def test_what_is_suggested(word: str, known: list[str], meant: str | None) -> None:
    assert nearest(word, known) == meant

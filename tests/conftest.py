"""Fixtures of every test: the kit's own, and real database servers."""

from __future__ import annotations

pytest_plugins = ["seeknal.testing", "tests.servers"]

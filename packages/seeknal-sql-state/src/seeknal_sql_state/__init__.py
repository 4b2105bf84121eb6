"""SQLite and PostgreSQL as places to keep seeknal's state."""

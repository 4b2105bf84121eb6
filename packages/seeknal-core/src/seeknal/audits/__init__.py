"""Audits: what can be checked, what a project asked for, and running it."""

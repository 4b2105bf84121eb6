"""seeknal."""

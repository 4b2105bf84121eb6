"""Text on disk becomes validated nodes."""

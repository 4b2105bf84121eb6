"""Commands: parsing what was typed and printing what came of it."""

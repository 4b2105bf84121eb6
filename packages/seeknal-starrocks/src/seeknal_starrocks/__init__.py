"""StarRocks for seeknal: connection, source, exposures, SQL prompt, catalogs and engine."""

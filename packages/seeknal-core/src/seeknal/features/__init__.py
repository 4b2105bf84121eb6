"""Features for machine learning: what groups of them are, and the queries that read them as of a point in time. Pure; nothing here runs."""

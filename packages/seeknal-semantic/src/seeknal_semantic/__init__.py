"""The semantic layer: semantic models and metrics as nodes of the graph, and a compiler from questions about them to SQL."""

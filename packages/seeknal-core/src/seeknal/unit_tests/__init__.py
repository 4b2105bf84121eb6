"""Unit tests of nodes: a few rows in, the rows that must come out.

`spec` is what a file below `tests/` may say, `loading` reads and checks the files, `running` runs tests on the engine in memory, `matching`
compares rows, `capture` and `sampling` write tests from live data. `seeknal test`, `seeknal create-test` and the pytest plugin stand on these.
"""

"""The MySQL protocol, on pymysql: MySQL, MariaDB and StarRocks speak it.

    connecting  logging in, TLS, letting go
    rows        what a query would return; what it returns, in Arrow batches of bounded size
    columns     the types of the protocol, and Arrow's
    errors      what the server's codes mean

Values stay the bytes that were sent until Arrow makes a column of them: pymysql's own conversions are slower, and round.
"""

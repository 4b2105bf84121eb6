"""What SQL says: parsing, what it may do, what it reads, its canonical form. Knows SQL and schemas, not nodes."""

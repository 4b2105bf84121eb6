"""Windows of time: ranges and their algebra, calendar units, and the ticks that make them due. Pure; moments are whole seconds since 1970 in UTC."""

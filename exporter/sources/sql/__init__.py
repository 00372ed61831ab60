"""The `sql` source: RequestIDs from a table, by a query that goes on from a cursor."""

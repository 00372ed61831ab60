"""The `redis` source: RequestIDs from a stream's consumer group, or from a plain list."""

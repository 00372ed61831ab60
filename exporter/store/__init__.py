"""What survives a restart: requests, durable counts, and how much of a rate limit was spent."""

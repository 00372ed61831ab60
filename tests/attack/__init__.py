"""A hostile server against everything that calls LeadSquared."""

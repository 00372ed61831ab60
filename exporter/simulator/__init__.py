"""The LeadSquared asynchronous API in one process, for tests, demonstrations and users' own integrations."""

"""All that knows the remote API: its endpoints and hosts, how it is called, and what its answers mean."""

"""The `http` source: a list of request groups, fetched again and again."""

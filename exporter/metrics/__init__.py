"""What Prometheus reads: families declared as data, collected in one snapshot, written as exposition text."""

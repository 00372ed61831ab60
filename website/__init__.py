"""What only the documentation's site needs, and how the exporter gets its runbooks."""

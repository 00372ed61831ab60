"""Watches LeadSquared asynchronous requests and tells Prometheus what became of them."""

__version__ = "0.1.0"

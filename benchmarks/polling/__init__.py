"""How soon the policies notice that requests finished, and what that costs: `python -m benchmarks.polling`."""

"""Decides. Plain synchronous classes that take `now` (seconds since the epoch) and return what to do: no clock, no I/O."""

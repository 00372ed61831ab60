"""Acts: the thin asynchronous loops that do what core decided."""

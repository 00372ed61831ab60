"""The ways in: one module for each way that RequestIDs arrive."""

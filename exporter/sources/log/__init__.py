"""The `log` source: RequestIDs in the lines that applications write to log files, or to standard input."""

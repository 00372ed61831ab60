"""The configuration: declared once as data, read from YAML with the position of every mistake."""

"""REST for clinical tools."""

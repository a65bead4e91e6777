"""FHIR at the edge: records read in one pass, tolerant of bad data and never silent about it."""

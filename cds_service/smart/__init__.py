"""The form behind a SMART launch: an EHR opens it, and its answers go back into the record."""

"""The service under load: what it costs, and what it must hold, beside a floor of the same run."""

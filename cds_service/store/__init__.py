"""What the service remembers: decisions, feedback and used tokens, in SQLite or PostgreSQL."""

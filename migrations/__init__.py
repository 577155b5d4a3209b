"""The tables' history: numbered, forward only, for SQLite and PostgreSQL (`config.database.migrate`)."""

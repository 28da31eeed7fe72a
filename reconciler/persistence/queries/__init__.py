"""Questions across tables, asked for a person: they read, and never write."""

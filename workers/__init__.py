"""Celery workers: thin tasks that hand ids to one service each; the truth stays in PostgreSQL."""

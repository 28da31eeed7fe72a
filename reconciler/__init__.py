"""Reconcile paid e-commerce orders against the records of the point of sale."""

__version__ = "0.1.0"

"""Vendor adapters: one folder per vendor, which knows its calls, payloads and errors, and no other vendor."""

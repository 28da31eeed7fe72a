"""Vendor adapters: one folder per vendor, which knows its calls, its payloads and its errors, and no other vendor."""

"""The rules of reconciliation, pure: standard library only, no clock, no logger, no I/O."""

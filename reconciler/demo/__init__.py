"""The demo: a seeded world of shops with known faults, played by real processes, judged by the truth."""

"""Timings beside their anchors: each measures both in the same run and prints the ratio. Run: make bench."""

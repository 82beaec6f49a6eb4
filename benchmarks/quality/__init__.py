"""What generated records are like, in figures: `python -m benchmarks.quality` (see __main__.py)."""

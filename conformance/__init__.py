"""Runs the laws: their language, the problems they are tried on, the engine, and the pytest plugin."""

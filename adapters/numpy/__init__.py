"""The implementations in NumPy, each the textbook of one way to compute, and the tiles and inputs that they have in common."""

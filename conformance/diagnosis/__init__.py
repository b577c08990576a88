"""After a failure: which known mistake gives these very outputs, where the outputs are wrong, and what a kernel sees.

Import the modules themselves. The vocabulary reads rows with `decoding`, so this package may not import the engine.
"""

"""Where implementations run: each in a process of its own, the host, which the judge talks to over a line.

Bytes and JSON cross the line, never pickles and never code, so what an implementation does to its process is done to that
alone. A host that dies, stops, hangs or answers nonsense is a finding, and another one takes its place.
"""

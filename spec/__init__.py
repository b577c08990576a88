"""The laws, as data: laws/<chapter>.yaml, operations, conventions, profiles, faults and their JSON Schemas.

Nothing is computed here; `reading` hands the files out. The package exists so that `importlib.resources.files("attnspec.spec")`
and `pytest --pyargs attnspec.spec` find the files.
"""

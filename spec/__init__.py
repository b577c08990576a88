"""The laws, as data: a folder for each operation, and profiles, the shortlist and JSON Schemas that all share.

Nothing is computed here; `operations` and `reading` hand the files out. The package exists so that
`importlib.resources.files("attnspec.spec")` and `pytest --pyargs attnspec.spec` find the files.
"""

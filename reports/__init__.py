"""What a run found, as data and as text: consumers of plain dictionaries.

Nothing here runs a law or imports a framework, so a report can be read where nothing else is installed.
"""

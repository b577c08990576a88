"""Known mistakes, each the definition with one small thing changed.

A law that no mistake can break proves nothing, so the laws are tried on these: every fault re-creates a mistake that
released software has made. Nothing here is meant to be right but `correct`.

Here is what all faults share, and the catalogue of them. The faults of each operation stand in its own folder.
"""

"""Known mistakes, each the definition with one small thing changed.

A law that no mistake can break proves nothing, so the laws are tried on these: every fault re-creates a mistake that
released software has made. Nothing here is meant to be right but `correct`.
"""

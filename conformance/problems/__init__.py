"""Inputs on which laws are tried: what a case prints, its contents, and the strategies that draw it.

Importing this package imports no framework and no Hypothesis; only `strategies` imports Hypothesis.
"""

"""Implementations as the kit sees them: the contract, how they are found, and the shipped adapters, a folder a framework.

An adapter imports its framework inside its functions or lazily on load, knows neither the reference nor another adapter,
and says only how its library differs from the contract.
"""

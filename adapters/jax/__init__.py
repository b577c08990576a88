"""The attentions that JAX ships, as the contract calls them, and some of the kit's own, compiled by XLA."""

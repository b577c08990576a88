"""The attentions that PyTorch ships, as the contract calls them, and linear ones in plain PyTorch."""

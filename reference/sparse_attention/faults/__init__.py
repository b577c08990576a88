"""Known mistakes about sparse attention: its pattern with one step replaced, or its answer with one thing changed."""

"""Known mistakes about random feature attention: its definition with one step replaced, or another projection drawn."""

"""Known mistakes about softmax attention, each one of its definitions with one small thing changed."""

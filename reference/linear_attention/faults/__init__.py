"""Known mistakes about linear attention: its recurrence with one step replaced, or with one argument read wrongly."""

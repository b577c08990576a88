"""What kinds of attention over heads of queries, keys and values share: sizes, contents and options. It is no operation."""

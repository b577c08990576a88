"""After a failure: which known mistake gives these very outputs, where the outputs are wrong, and what a kernel sees."""

"""What a failure leaves behind: the simplest values that still show it, and a script that shows it without the kit."""

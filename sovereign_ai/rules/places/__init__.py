"""Where a place can be written (settings, commands, texts, parameters), and which are permitted, as CEL."""

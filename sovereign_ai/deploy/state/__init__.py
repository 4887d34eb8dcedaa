"""A stack's state: its files and records, the locks over them, and how both survive a crash."""

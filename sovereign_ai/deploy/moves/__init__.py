"""What a change of the description renames or moves, what that costs, and who is drained for it."""

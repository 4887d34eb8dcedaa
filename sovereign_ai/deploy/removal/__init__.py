"""What is deleted, with whose consent, in which order, and what holds it."""

"""``text/vae``: sentences from a space of meanings, and summaries of longer texts."""

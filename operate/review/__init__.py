"""Two revisions side by side: is the newer one better, and what changed on the way."""

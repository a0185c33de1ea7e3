"""The six pillars of the audit, each its own stage."""

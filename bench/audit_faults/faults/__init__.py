"""The faults that are planted, a file for each pillar of the audit and one for the gate."""

"""How a stage starts: in a fork of a warm parent, or in a process of its own."""

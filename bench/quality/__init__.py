"""How well the project's own recipes predict, against its peers, at what cost."""

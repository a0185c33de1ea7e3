"""How schema.yaml follows the data: changes proposed with their evidence, accepted by hand."""

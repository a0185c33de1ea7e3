"""The cells of a source, read by the type that schema.yaml declares and never by guess."""

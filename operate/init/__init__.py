"""From a file to the first project: params.yaml and schema.yaml, guessed and reviewed."""

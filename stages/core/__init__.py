"""The nouns that stages and operate share."""

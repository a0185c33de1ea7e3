"""The stages of the pipeline: a module here is the DVC stage of that name."""

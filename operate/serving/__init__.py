"""Predictions for rows of others: from a file, or over HTTP, on one path for both."""

"""Models and tables with a planted fault, and the audit's checks held against them."""

"""Models and metrics of other programs, in and out."""

"""What exists and what environments point to: values, and the backends that keep them."""

"""What connections to databases share: streams of rows, text into exact Arrow types, the MySQL protocol."""

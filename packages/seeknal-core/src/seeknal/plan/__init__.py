"""What should be built and why: functions from values to values."""

"""Tests of the video input, and `videos`, which makes the small real files they read."""

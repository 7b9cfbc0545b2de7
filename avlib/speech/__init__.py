"""Speech: where somebody speaks, and the segments that deep systems see."""

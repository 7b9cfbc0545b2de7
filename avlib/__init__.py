"""Audio-visual emotion recognition: from recordings to scores, under one honest protocol."""

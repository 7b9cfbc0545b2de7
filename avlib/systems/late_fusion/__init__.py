"""Late fusion: what the audio SVM and the video SVM say of a clip, averaged."""

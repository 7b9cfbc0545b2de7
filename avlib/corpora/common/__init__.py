"""What readers share: recordings and listings, labels, a recording's description."""

"""What every room stands on: parameters, tables, memory, parallel work, one way to train."""

"""Records, sweeps, studies and plans as tables for people and as plain values for programs."""

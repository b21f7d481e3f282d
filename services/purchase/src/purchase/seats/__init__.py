"""Seats and tickets: who has which seat, sold, freed and published."""

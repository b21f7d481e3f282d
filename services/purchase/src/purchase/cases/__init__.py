"""Cases: work that needs a person, until somebody marks it done."""

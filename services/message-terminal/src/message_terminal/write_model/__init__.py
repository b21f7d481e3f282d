"""The write model: tickets, seats and the catalogue in DynamoDB."""

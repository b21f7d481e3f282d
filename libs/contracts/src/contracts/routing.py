"""The names under which messages travel; every broker's topology is made of these."""

EXCHANGE = "ticketing"
WRITE_MODEL = "ticketing.write-model"
READ_MODEL = "ticketing.read-model"
PURCHASE = "ticketing.purchase"
DEAD = "ticketing.dead"
BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"


def to_models(partition: int) -> str:
    """Routing key of what purchase tells the models about this partition."""
    return str(partition)


def to_purchase(partition: int) -> str:
    """Routing key of what the terminal tells purchase about this partition."""
    return f"purchase.{partition}"

"""Which errors mean that a store is unavailable, and which that a message caused them."""

import pytest
from aiomysql import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError
from botocore.exceptions import ClientError, EndpointConnectionError
from message_terminal.stores import StoreUnavailable, calling_dynamodb, calling_mysql, is_duplicate
from sqlalchemy import exc


def mysql_error(error: Exception) -> exc.DBAPIError:
    """Return this driver's error as SQLAlchemy wraps it."""
    kind: type[exc.DBAPIError] = getattr(exc, type(error).__name__)
    return kind("INSERT …", None, error)


def dynamodb_error(code: str) -> ClientError:
    """Return DynamoDB's answer with this error code."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutItem")


@pytest.mark.parametrize(
    "error",
    [
        OperationalError(2003, "Can't connect"),
        OperationalError(2013, "Lost connection"),
        OperationalError(1040, "Too many connections"),
        OperationalError(1205, "Lock wait timeout exceeded"),
        OperationalError(1213, "Deadlock found"),
        OperationalError(1290, "running with the --read-only option"),
        ProgrammingError(1146, "Table doesn't exist"),
        InterfaceError(0, "Not connected"),
        InterfaceError("(0, 'Not connected')"),
    ],
)
async def test_an_error_of_the_server_means_that_mysql_is_unavailable(error: Exception) -> None:
    with pytest.raises(StoreUnavailable, match="MySQL"):
        async with calling_mysql():
            raise mysql_error(error)


@pytest.mark.parametrize(
    "error", [exc.TimeoutError("pool"), ConnectionResetError(), TimeoutError(), OSError(113, "no route")]
)
async def test_a_network_error_means_that_mysql_is_unavailable(error: Exception) -> None:
    with pytest.raises(StoreUnavailable, match="MySQL"):
        async with calling_mysql():
            raise error


@pytest.mark.parametrize(
    "error",
    [
        DataError(1264, "Out of range"),
        IntegrityError(1062, "Duplicate entry"),
        OperationalError(1292, "Incorrect datetime value"),
        OperationalError(3140, "Invalid JSON text"),
    ],
)
async def test_an_error_caused_by_the_values_sent_to_mysql_passes_unchanged(error: Exception) -> None:
    with pytest.raises(exc.DBAPIError):
        async with calling_mysql():
            raise mysql_error(error)


@pytest.mark.parametrize(
    "error",
    [
        dynamodb_error("ProvisionedThroughputExceededException"),
        dynamodb_error("ResourceNotFoundException"),
        dynamodb_error("InternalServerError"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        TimeoutError(),
    ],
)
async def test_these_errors_mean_that_dynamodb_is_unavailable(error: Exception) -> None:
    with pytest.raises(StoreUnavailable, match="DynamoDB"):
        async with calling_dynamodb():
            raise error


async def test_an_error_caused_by_the_values_sent_to_dynamodb_passes_unchanged() -> None:
    with pytest.raises(ClientError):
        async with calling_dynamodb():
            raise dynamodb_error("ValidationException")


@pytest.mark.parametrize("key", ["seat_sale", "ticket.seat_sale"])
def test_a_duplicate_is_identified_by_its_unique_key(key: str) -> None:
    error = exc.IntegrityError("INSERT …", None, IntegrityError(1062, f"Duplicate entry 'E-1-1-1-1' for key '{key}'"))
    assert is_duplicate(error, "seat_sale")
    assert not is_duplicate(error, "PRIMARY")

"""A wrong setting stops the process and is named."""

import pytest
from query.settings import Settings

GIVEN = {"MYSQL_URL": "mysql+aiomysql://query:secret@127.0.0.1/ticketing"}


def test_the_address_of_mysql_is_enough() -> None:
    settings = Settings.read(GIVEN)

    assert settings.mysql_url == GIVEN["MYSQL_URL"]
    assert settings.partitions == 64


def test_numbers_are_read_from_text_and_an_empty_variable_counts_as_absent() -> None:
    settings = Settings.read({**GIVEN, "PARTITIONS": "8", "LOGGING_CONFIG": "", "UNRELATED": "x"})

    assert settings.partitions == 8
    assert settings.logging_config is None


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"MYSQL_URL": ""}, "MYSQL_URL"),
        ({"MYSQL_URL": "mysql://query:secret@127.0.0.1/ticketing"}, "MYSQL_URL"),
        ({"PARTITIONS": "none"}, "PARTITIONS"),
        ({"PARTITIONS": "0"}, "PARTITIONS"),
        ({"HTTP_PORT": "65536"}, "HTTP_PORT"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ],
)
def test_a_wrong_setting_stops_the_process_naming_it_without_its_value(wrong: dict[str, str], name: str) -> None:
    with pytest.raises(SystemExit) as stop:
        Settings.read({**GIVEN, **wrong})

    assert name in str(stop.value)
    assert "secret" not in str(stop.value)

"""A wrong setting stops the process, which names it."""

import pytest
from query.settings import Settings

GIVEN = {"MYSQL_URL": "mysql+aiomysql://query:secret@127.0.0.1/ticketing"}


def test_only_the_url_of_mysql_is_required() -> None:
    settings = Settings.read(GIVEN)

    assert settings.mysql_url == GIVEN["MYSQL_URL"]
    assert settings.partitions == 64


def test_numbers_are_parsed_and_an_empty_variable_counts_as_absent() -> None:
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
def test_a_wrong_setting_is_named_without_its_value(wrong: dict[str, str], name: str) -> None:
    with pytest.raises(SystemExit) as stop:
        Settings.read({**GIVEN, **wrong})

    assert name in str(stop.value)
    assert "secret" not in str(stop.value)

"""Settings from the environment: defaults, and errors that name the variable."""

import pytest
from message_terminal.settings import Settings, WrongSetting

NEEDED = {"RABBITMQ_URL": "amqp://localhost/", "MYSQL_URL": "mysql+aiomysql://localhost/ticketing"}


def test_a_variable_that_is_not_set_has_a_default() -> None:
    settings = Settings.read({**NEEDED, "DYNAMODB_URL": "", "HOME": "/root"})
    assert (settings.profile, settings.partitions, settings.model_names) == ("production", 64, ["write", "read"])
    assert settings.dynamodb_url is None


def test_a_process_can_project_onto_one_model() -> None:
    assert Settings.read({**NEEDED, "MODELS": "read"}).model_names == ["read"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARTITIONS", "0"),
        ("PARTITIONS", "many"),
        ("HTTP_PORT", "70000"),
        ("MODELS", "read,read"),
        ("MODELS", "live"),
        ("PROFILE", "test"),
        ("MYSQL_URL", "mysql://localhost/ticketing"),
        ("RABBITMQ_URL", "localhost"),
        ("KAFKA_SECURITY_PROTOCOL", "ssl"),
        ("DYNAMODB_URL", "localhost:8000"),
        ("DYNAMODB_PREFIX", "a b"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
    ],
)
def test_a_wrong_value_is_refused_naming_the_variable(name: str, value: str) -> None:
    with pytest.raises(WrongSetting, match=name):
        Settings.read({**NEEDED, name: value})


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_missing_value_is_refused_naming_the_variable(name: str) -> None:
    with pytest.raises(WrongSetting, match=name):
        Settings.read({other: value for other, value in NEEDED.items() if other != name})


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize("name", ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"])
def test_sasl_needs_a_name_and_a_password(protocol: str, name: str) -> None:
    credentials = {"KAFKA_SASL_USERNAME": "terminal", "KAFKA_SASL_PASSWORD": "a-password", name: ""}
    with pytest.raises(WrongSetting, match=f"KAFKA_SECURITY_PROTOCOL={protocol} needs {name}"):
        Settings.read({**NEEDED, **credentials, "KAFKA_SECURITY_PROTOCOL": protocol})

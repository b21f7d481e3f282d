"""A wrong variable stops the process and is named; only the local profile has default secrets."""

import pytest
from purchase.settings import Settings

SECRETS = {"ADMIN_TOKENS": "an-admin-token", "RECEIPT_KEYS": "a-receipt-key"}
PAYMENT_SECRETS = {
    "SANDBOX_API_KEY": "a-sandbox-key",
    "STRIPE_API_KEY": "a-stripe-key",
    "WEBHOOK_SECRETS": "a-webhook-secret",
}

WRONG = [
    ("PROFILE", "staging"),
    ("PARTITIONS", "0"), ("PARTITIONS", "4097"), ("PARTITIONS", "many"), ("PARTITIONS", "1.5"), ("PARTITIONS", "-1"),
    ("OUTBOX_MAX", "0"), ("OUTBOX_MAX", "all"),
    ("BROKER", "none"), ("BROKER", "nats"), ("MIRROR_BROKER", "both"), ("DRAIN_BROKER", "all"),
    ("KAFKA_BOOTSTRAP_SERVERS", "kafka"), ("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092,"),
    ("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092, kafka:9093"), ("KAFKA_IDEMPOTENCE", "perhaps"),
    ("KAFKA_SECURITY_PROTOCOL", "ssl"), ("KAFKA_SECURITY_PROTOCOL", "TLS"),
    ("DIRECT_SALES", "perhaps"),
    ("HOLD_SECONDS", "0"), ("HOLD_SECONDS", "3601"), ("HOLDS_PER_CUSTOMER", "0"), ("HOLDS_PER_CUSTOMER", "101"),
    ("HTTP_PORT", "0"), ("HTTP_PORT", "65536"), ("HTTP_PORT", "http"),
    ("ADMIN_TOKENS", "short"), ("ADMIN_TOKENS", ","), ("ADMIN_TOKENS", "an-admin-token,"),
    ("RECEIPT_KEYS", "short"), ("RECEIPT_KEYS", " "), ("RECEIPT_KEYS", ",a-receipt-key"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
    ("PAYMENT_PROVIDER", "paypal"),
    ("SANDBOX_URL", "sandbox:8000"), ("STRIPE_URL", "stripe"),
    ("SANDBOX_API_KEY", "short"), ("STRIPE_API_KEY", "short"), ("WEBHOOK_SECRETS", "short"), ("WEBHOOK_SECRETS", ","),
    ("HOLD_SECONDS", "0"), ("HOLD_SECONDS", "3601"), ("PAYMENT_SECONDS", "0"), ("HOLDS_PER_CUSTOMER", "0"),
]  # fmt: skip


def read(**variables: str) -> Settings:
    """Read the settings of an environment with these variables, and the secrets if not given."""
    return Settings.read({**SECRETS, **variables})


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_a_wrong_variable_is_named(name: str, text: str) -> None:
    with pytest.raises(SystemExit, match=name):
        read(**{name: text})


@pytest.mark.parametrize("name", ["ADMIN_TOKENS", "RECEIPT_KEYS"])
@pytest.mark.parametrize("profile", [{}, {"PROFILE": "production"}, {"PROFILE": ""}])
def test_a_secret_is_required_outside_the_local_profile(name: str, profile: dict[str, str]) -> None:
    others = {secret: text for secret, text in SECRETS.items() if secret != name}
    with pytest.raises(SystemExit, match=name):
        Settings.read({**others, **profile})


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize("name", ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"])
def test_a_kafka_user_needs_a_name_and_a_password(protocol: str, name: str) -> None:
    user = {"KAFKA_SASL_USERNAME": "relay", "KAFKA_SASL_PASSWORD": "a-password", name: ""}
    with pytest.raises(SystemExit, match=f"KAFKA_SECURITY_PROTOCOL={protocol} needs {name}"):
        read(KAFKA_SECURITY_PROTOCOL=protocol, **user)


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("sandbox", "SANDBOX_API_KEY"),
        ("sandbox", "WEBHOOK_SECRETS"),
        ("stripe", "STRIPE_API_KEY"),
        ("stripe", "WEBHOOK_SECRETS"),
    ],
)
def test_a_payment_provider_needs_its_key_and_the_secrets_of_its_webhooks(provider: str, name: str) -> None:
    others = {key: text for key, text in PAYMENT_SECRETS.items() if key != name}
    with pytest.raises(SystemExit, match=name):
        read(PAYMENT_PROVIDER=provider, **others)
    assert read(PAYMENT_PROVIDER=provider, **PAYMENT_SECRETS).payment_provider == provider


def test_stripe_needs_its_key_also_in_the_local_profile() -> None:
    with pytest.raises(SystemExit, match="STRIPE_API_KEY"):
        read(PROFILE="local", PAYMENT_PROVIDER="stripe")


def test_production_has_no_payment_provider_by_default() -> None:
    assert read().payment_provider == "none"


@pytest.mark.parametrize(
    "name", ["ADMIN_TOKENS", "RECEIPT_KEYS", "SANDBOX_API_KEY", "STRIPE_API_KEY", "WEBHOOK_SECRETS"]
)
def test_the_error_about_a_short_secret_does_not_show_it(name: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        read(**{name: "pa55"})
    assert "pa55" not in str(stopped.value)


def test_the_local_profile_has_default_secrets() -> None:
    settings = Settings.read({"PROFILE": "local"})
    assert settings.admin_tokens == ("local-admin-token",)
    assert settings.receipt_keys == ("local-receipt-key",)
    assert (settings.payment_provider, settings.sandbox_api_key) == ("sandbox", "local-sandbox-key")
    assert settings.webhook_secrets == ("local-webhook-secret",)


def test_given_secrets_replace_the_local_ones() -> None:
    assert read(PROFILE="local").admin_tokens == ("an-admin-token",)


def test_the_defaults_are_production_and_64_partitions() -> None:
    settings = read()
    assert (settings.profile, settings.partitions, settings.direct_sales) == ("production", 64, True)
    assert (settings.hold_seconds, settings.payment_seconds, settings.holds_per_customer) == (120, 900, 3)


def test_the_default_broker_is_rabbitmq() -> None:
    assert (read().broker, read().mirror_broker, read().drain_broker) == ("rabbitmq", "none", "none")
    assert read().kafka_idempotence


@pytest.mark.parametrize("name", ["rabbitmq", "kafka"])
@pytest.mark.parametrize("role", ["MIRROR_BROKER", "DRAIN_BROKER"])
def test_a_mirrored_or_drained_broker_differs_from_the_broker(name: str, role: str) -> None:
    with pytest.raises(SystemExit, match=f"{role}.* must name different brokers"):
        read(BROKER=name, **{role: name})


def test_a_broker_is_not_mirrored_to_and_drained_at_once() -> None:
    with pytest.raises(SystemExit, match="must name different brokers"):
        read(MIRROR_BROKER="kafka", DRAIN_BROKER="kafka")


def test_commas_separate_the_values_of_a_list() -> None:
    settings = read(
        ADMIN_TOKENS="the-first-token, the-second-token",
        RECEIPT_KEYS="the-new-key,the-old-key",
        WEBHOOK_SECRETS="the-new-secret,the-old-secret",
    )
    assert settings.admin_tokens == ("the-first-token", "the-second-token")
    assert settings.receipt_keys == ("the-new-key", "the-old-key")
    assert settings.webhook_secrets == ("the-new-secret", "the-old-secret")


@pytest.mark.parametrize(("text", "switched"), [("true", True), ("false", False), ("1", True), ("0", False)])
def test_a_switch_is_true_or_false_or_1_or_0(text: str, switched: bool) -> None:
    assert read(DIRECT_SALES=text).direct_sales is switched


def test_an_empty_variable_counts_as_absent() -> None:
    assert read(PARTITIONS="", REDIS_URL="", LOGGING_CONFIG="") == read()


def test_other_variables_are_ignored() -> None:
    assert read(PATH="/bin", partitions="7") == read()


def test_every_variable_is_read_by_its_name() -> None:
    settings = read(
        REDIS_URL="redis://redis:6379/1",
        BROKER="kafka",
        MIRROR_BROKER="rabbitmq",
        RABBITMQ_URL="amqp://a:b@broker/",
        KAFKA_BOOTSTRAP_SERVERS="kafka-1:9092,kafka-2:9092",
        KAFKA_IDEMPOTENCE="false",
        PARTITIONS="8",
        OUTBOX_MAX="10",
        HOLD_SECONDS="60",
        HOLDS_PER_CUSTOMER="1",
        CATALOG_DIR="/catalog",
        HTTP_HOST="0.0.0.0",  # noqa: S104
        HTTP_PORT="80",
        LOGGING_CONFIG="logging.json",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://collector:4318",
        PAYMENT_PROVIDER="stripe",
        SANDBOX_URL="http://sandbox",
        STRIPE_URL="https://stripe",
        PAYMENT_SECONDS="600",
        **PAYMENT_SECRETS,
    )
    assert (settings.redis_url, settings.rabbitmq_url) == ("redis://redis:6379/1", "amqp://a:b@broker/")
    assert (settings.broker, settings.mirror_broker) == ("kafka", "rabbitmq")
    assert (settings.kafka_bootstrap_servers, settings.kafka_idempotence) == ("kafka-1:9092,kafka-2:9092", False)
    assert read(DRAIN_BROKER="kafka").drain_broker == "kafka"
    assert (settings.partitions, settings.outbox_max, settings.catalog_dir) == (8, 10, "/catalog")
    assert (settings.http_host, settings.http_port) == ("0.0.0.0", 80)  # noqa: S104
    assert (settings.hold_seconds, settings.holds_per_customer) == (60, 1)
    assert settings.logging_config == "logging.json"
    assert settings.otel_exporter_otlp_endpoint == "http://collector:4318"
    assert (settings.sandbox_url, settings.sandbox_api_key) == ("http://sandbox", "a-sandbox-key")
    assert (settings.stripe_url, settings.stripe_api_key) == ("https://stripe", "a-stripe-key")
    assert (settings.hold_seconds, settings.payment_seconds, settings.holds_per_customer) == (60, 600, 1)

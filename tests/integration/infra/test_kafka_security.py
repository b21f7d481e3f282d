"""Kafka by TLS and with a password: purchase and the terminal connect, or log why they cannot.

No Kafka that runs here accepts a password or speaks TLS. A proxy speaks TLS, and answers as Kafka
does to a wrong password.
"""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from faststream.kafka.security import parse_security
from infra_local.ports import PortBook
from infra_local.running import ProgramFailed, RunningServer, log_file
from infra_local.servers import kafka
from message_terminal import settings as terminal_settings
from message_terminal.brokers.chosen import choose
from message_terminal.brokers.kafka import secured as secured_by_terminal
from message_terminal.stores import StoreUnavailable
from purchase.brokers.chosen import publishing
from purchase.brokers.kafka import secured as secured_by_purchase
from purchase.settings import Settings

from tests.stage.polling import DEADLINE_SECONDS
from tests.stage.processes.relay import describe
from tests.stage.proxy import KafkaProxy, Rule, listening
from tests.stage.sellers import prepare

pytestmark = pytest.mark.starts_processes

USER = {"KAFKA_SASL_USERNAME": "ticketing", "KAFKA_SASL_PASSWORD": "a-password"}
WRONG_PASSWORD = 58


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """Write a self-signed certificate of 127.0.0.1 with its key; return the file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "identity.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return file


@pytest.fixture
def tls(identity: Path) -> ssl.SSLContext:
    """Return the TLS context of a server with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    return context


@pytest.fixture
def authenticating_kafka(tmp_path: Path) -> Iterator[RunningServer]:
    """Start a Kafka that requires authentication and has no users."""
    server = kafka(tmp_path / "kafka", PortBook(tmp_path / "ports.json"))
    running = RunningServer(replace(server, argv=[*server.argv, "--authentication"]))
    running.start()
    yield running
    running.kill()


def environment_for(port: int, protocol: str) -> dict[str, str]:
    broker = {"BROKER": "kafka", "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}", "KAFKA_IDEMPOTENCE": "false"}
    return {**broker, "KAFKA_REPLICATION": "1", "KAFKA_SECURITY_PROTOCOL": protocol, **USER}


def settings_of_purchase(environment: Mapping[str, str]) -> Settings:
    return Settings.read({"PROFILE": "local", **environment})


def settings_of_terminal(environment: Mapping[str, str]) -> terminal_settings.Settings:
    return terminal_settings.Settings.read({"MYSQL_URL": "mysql+aiomysql://localhost/ticketing", **environment})


async def test_messages_are_sent_and_received_over_tls(
    private_kafka: RunningServer, identity: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(identity))
    async with (
        asyncio.timeout(DEADLINE_SECONDS),
        listening(KafkaProxy(private_kafka.server.ports["kafka"]), tls) as proxy,
    ):
        environment = environment_for(proxy.port, "SSL")
        [relay], terminal = publishing(settings_of_purchase(environment)), choose(settings_of_terminal(environment))
        await terminal.declare(1)
        try:
            await terminal.connect()
            await relay.application.start()
            async with terminal.listening() as received:
                await relay.publish(0, b"[]")
                assert await anext(received) == b"[]"
        finally:
            await relay.application.stop()
            await terminal.application.stop()


async def test_a_kafka_with_an_untrusted_certificate_is_refused(
    private_kafka: RunningServer, tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture, redis_url: str, tmp_path: Path
) -> None:
    async with listening(KafkaProxy(private_kafka.server.ports["kafka"]), tls) as proxy:
        environment = environment_for(proxy.port, "SSL")
        assert "CERTIFICATE_VERIFY_FAILED" in await log_of_relay(redis_url, environment, tmp_path)
        assert "CERTIFICATE_VERIFY_FAILED" in await log_of_terminal(environment, caplog)


async def test_a_wrong_password_is_logged(
    authenticating_kafka: RunningServer, caplog: pytest.LogCaptureFixture, redis_url: str, tmp_path: Path
) -> None:
    async def refuse(_request: bytes, answer: bytes) -> bytes:
        refusal = answer[4:8] + pack(">hh", WRONG_PASSWORD, -1) + pack(">iq", 0, 0)
        return pack(">i", len(refusal)) + refusal

    async with listening(KafkaProxy(authenticating_kafka.server.ports["kafka"])) as proxy:
        proxy.follow(Rule(mark=b"c=biws,r=", on_answer=refuse))
        environment = environment_for(proxy.port, "SASL_PLAINTEXT")
        assert "SaslAuthenticationFailed" in await log_of_relay(redis_url, environment, tmp_path)
        assert "SaslAuthenticationFailed" in await log_of_terminal(environment, caplog)


async def log_of_relay(redis_url: str, environment: Mapping[str, str], directory: Path) -> str:
    """Start a relay that cannot connect; return its log once it has ended."""
    await prepare(redis_url)
    relay = RunningServer(describe(directory / "relay", redis_url, environment))
    with pytest.raises(ProgramFailed, match="relay ended with code"):
        await asyncio.to_thread(relay.start)
    return log_file(relay.server).read_text()


async def log_of_terminal(environment: Mapping[str, str], caplog: pytest.LogCaptureFixture) -> str:
    """Connect a terminal, which fails; return the log."""
    with pytest.raises(StoreUnavailable):
        await choose(settings_of_terminal(environment)).connect()
    return caplog.text


@pytest.mark.parametrize(
    ("protocol", "has_user", "is_encrypted"),
    [("PLAINTEXT", False, False), ("SSL", False, True), ("SASL_PLAINTEXT", True, False), ("SASL_SSL", True, True)],
)
def test_aiokafka_gets_the_security_of_the_settings(protocol: str, has_user: bool, is_encrypted: bool) -> None:
    environment = environment_for(9092, protocol)
    for security in (
        secured_by_purchase(settings_of_purchase(environment)),
        secured_by_terminal(settings_of_terminal(environment)),
    ):
        arguments: dict[str, Any] = parse_security(security)
        context = arguments.pop("ssl_context")
        assert (context is not None and context.verify_mode is ssl.CERT_REQUIRED) == is_encrypted
        assert arguments == {"security_protocol": protocol} | (
            {
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_plain_username": "ticketing",
                "sasl_plain_password": "a-password",
            }
            if has_user
            else {}
        )

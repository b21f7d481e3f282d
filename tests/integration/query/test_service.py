"""What the service says of itself, and how it is served."""

import httpx
from query.settings import Settings

from tests.stage.processes.query import serve
from tests.stage.read_model import PARTITIONS, ReadModel, ticket_id


async def test_head_answers_as_get_does_without_the_body(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_ticket(1)
    path = f"/api/v1/tickets/{ticket_id(1)}"

    got, asked = await client.get(path), await client.head(path)

    assert asked.status_code == 200
    assert asked.content == b""
    assert asked.headers["content-length"] == str(len(got.content))
    assert (await client.head(f"/api/v1/tickets/{ticket_id(2)}")).status_code == 404


async def test_it_is_ready_when_the_read_model_has_as_many_partitions_as_the_settings(
    settings: Settings, client: httpx.AsyncClient
) -> None:
    assert (await client.get("/health/ready")).json() == {"status": "ready", "checks": {"read_model": "ok"}}

    async with serve(Settings(mysql_url=settings.mysql_url, partitions=PARTITIONS + 1)) as other:
        answer = await other.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "checks": {"read_model": f"The read model has {PARTITIONS} partitions, not {PARTITIONS + 1}."},
    }


async def test_metrics_name_queries_problems_and_joined_reads(client: httpx.AsyncClient) -> None:
    await client.get(f"/api/v1/tickets/{ticket_id(1)}")

    metrics = (await client.get("/metrics")).text

    assert 'query_seconds_count{query="readTicket"}' in metrics
    assert 'problems_total{problem="ticket-not-found"}' in metrics
    assert "reads_joined_count" in metrics


async def test_the_openapi_page_needs_no_other_server(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs/query")

    assert page.status_code == 200
    assert "http://" not in page.text.replace("http://query", "")
    assert "https://" not in page.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "swagger-ui-standalone-preset.js"):
        assert f"/docs/query/assets/{asset}" in page.text
        assert (await client.get(f"/docs/query/assets/{asset}")).status_code == 200


async def test_every_query_is_documented_with_its_example_its_problems_and_its_token(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/docs/query/openapi.json")).json()

    for path, methods in schema["paths"].items():
        query = methods["get"]
        assert path.startswith("/api/v1/")
        assert query["summary"]
        assert query["operationId"]
        assert "Consistency-Token" in [parameter["name"] for parameter in query["parameters"]]
        assert query["responses"]["200"]["content"]["application/json"]["examples"]
        assert {"200", "400", "503"} <= set(query["responses"])
        for status in set(query["responses"]) - {"200"}:
            assert list(query["responses"][status]["content"]) == ["application/problem+json"]
    assert len(schema["paths"]) == 10


async def test_money_is_documented_as_a_number(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/docs/query/openapi.json")).json()

    assert schema["components"]["schemas"]["Ticket"]["properties"]["price"]["type"] == "number"

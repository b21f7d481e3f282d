"""HEAD, health, metrics and the OpenAPI page of the service."""

import httpx
from query.settings import Settings

from tests.stage.processes.query import serve
from tests.stage.read_model import PARTITIONS, ReadModel, ticket_id


async def test_head_is_answered_like_get_without_a_body(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_ticket(1)
    path = f"/api/v1/tickets/{ticket_id(1)}"

    got, head = await client.get(path), await client.head(path)

    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(got.content))
    assert (await client.head(f"/api/v1/tickets/{ticket_id(2)}")).status_code == 404


async def test_it_is_ready_if_the_read_model_has_the_partitions_of_the_settings(
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


async def test_the_openapi_page_loads_nothing_from_other_servers(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs/query")

    assert page.status_code == 200
    assert "http://" not in page.text.replace("http://query", "")
    assert "https://" not in page.text
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "swagger-ui-standalone-preset.js"):
        assert f"/docs/query/assets/{asset}" in page.text
        assert (await client.get(f"/docs/query/assets/{asset}")).status_code == 200


async def test_the_page_documents_each_query_with_example_problems_and_token(client: httpx.AsyncClient) -> None:
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


async def test_the_page_documents_a_price_as_a_number(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/docs/query/openapi.json")).json()

    assert schema["components"]["schemas"]["Ticket"]["properties"]["price"]["type"] == "number"

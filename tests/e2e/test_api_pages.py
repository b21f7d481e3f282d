"""Generated calls of every operation: each answer is on the OpenAPI page, and no call fails."""

import re
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from infra_local.platform import ADMIN_TOKEN
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.stage.explorations import exploration
from tests.stage.platforms.running import RunningPlatform

EXAMPLES = 20
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

within_bounds = exploration(EXAMPLES, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("service", ["purchase", "query"])
def test_every_answer_is_on_the_api_page(platform: RunningPlatform, service: str, mode: GenerationMode) -> None:
    page = schemathesis.openapi.from_url(f"{platform.url}/docs/{service}/openapi.json")
    for operation in page.get_all_operations():
        assert isinstance(operation, Ok)

        @within_bounds
        @given(case=operation.ok().as_strategy(generation_mode=mode))
        def answers_as_documented(case: Case[Any]) -> None:
            response = case.call_and_validate(
                headers=ADMIN if service == "purchase" else None,
                checks=[status_code_conformance, content_type_conformance, response_schema_conformance],
            )
            # The page has 503, for a token of the future; these would be our failures.
            assert response.status_code not in (500, 502, 504), response.text

        answers_as_documented()


def test_the_page_of_messages_and_all_its_links_are_served(platform: RunningPlatform) -> None:
    with httpx.Client(base_url=platform.url, follow_redirects=True) as client:
        page = client.get("/docs/messages").raise_for_status()
        links = set(re.findall(r'href="(/[^"]*)"', page.text))
        documents = {link: client.get(link).raise_for_status() for link in links}

    assert documents.keys() == {"/docs/messages/asyncapi.json", "/docs/purchase", "/docs/query"}
    described = documents["/docs/messages/asyncapi.json"].json()
    assert all(f'id="{name}"' in page.text for name in described["components"]["schemas"])

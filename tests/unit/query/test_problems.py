"""Errors of the framework become our problems, which name the parameter as in the URL."""

import pytest
from litestar.exceptions import (
    HTTPException,
    InternalServerException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from query.problems import KINDS, of_error, of_framework


def test_the_problem_names_a_faulty_parameter_as_in_the_url() -> None:
    error = ValidationException(extra=[{"message": "Expected `int` >= 1", "key": "zone_id", "source": "query"}])

    problem = of_framework(error)

    assert problem.type_ == "/problems/invalid-request"
    assert problem.extra == {"field": "zoneId"}
    assert problem.detail == "Expected `int` >= 1"


def test_the_problem_names_a_missing_parameter() -> None:
    error = ValidationException("Missing required query parameter 'eventId' for path /api/v1/tickets")

    assert of_framework(error).extra == {"field": "eventId"}


@pytest.mark.parametrize(
    ("error", "slug"),
    [
        (NotFoundException(), "not-found"),
        (MethodNotAllowedException(headers={"allow": "GET"}), "method-not-allowed"),
        (InternalServerException("a secret"), "internal-error"),
        (HTTPException(status_code=418), "internal-error"),
    ],
)
def test_each_error_of_the_framework_has_its_problem(error: HTTPException, slug: str) -> None:
    problem = of_framework(error)

    assert problem.type_ == f"/problems/{slug}"
    assert "a secret" not in problem.detail


def test_the_text_of_an_unknown_error_is_logged_and_not_answered(caplog: pytest.LogCaptureFixture) -> None:
    problem = of_error(RuntimeError("a secret"))

    assert problem.status_code == 500
    assert "a secret" not in str(vars(problem))
    assert "a secret" in caplog.text


def test_every_kind_of_problem_has_its_own_slug() -> None:
    slugs = [kind.slug for kind in KINDS.values()]

    assert len(set(slugs)) == len(slugs)

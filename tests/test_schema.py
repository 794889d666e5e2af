import json

from complaint_router import Route, Router


def test_a_route_is_json_of_the_contract(tiny_router: Router) -> None:
    plain = tiny_router.route("龙华区楼下酒吧音响震天响").to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert list(plain) == ["category", "department", "unit", "locality", "decision", "kind", "urgency", "flags"]
    assert list(plain["category"]) == ["code", "name", "path", "score", "candidates"]
    assert list(plain["department"]) == ["code", "name", "score", "co", "candidates"]
    assert list(plain["unit"]) == ["name", "score", "candidates"]
    assert list(plain["locality"]) == [
        "code", "level", "province", "city", "district", "town", "community", "score", "mentions", "candidates",
        "contradictory",
    ]  # fmt: skip
    assert list(plain["decision"]) == ["action", "confidence", "reasons"]
    assert plain["category"]["candidates"][0] == {
        "code": plain["category"]["code"],
        "name": plain["category"]["name"],
        "score": plain["category"]["score"],
    }


def test_scores_are_rounded(tiny_router: Router) -> None:
    route: Route = tiny_router.route("楼下酒吧音响震天响")
    assert route.category is not None
    assert route.to_dict()["category"]["score"] == round(route.category.score, 4)

import complaint_router


def test_public_names() -> None:
    assert complaint_router.__all__ == [
        "ComplaintRouterError",
        "DataError",
        "MissingExtraError",
        "ModelError",
        "Route",
        "Router",
        "Taxonomy",
        "TaxonomyError",
        "__version__",
        "evaluate",
        "train",
    ]
    assert all(hasattr(complaint_router, name) for name in complaint_router.__all__)

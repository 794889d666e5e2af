from pathlib import Path

import pytest

from complaint_router import Taxonomy, TaxonomyError

SMALL = """\
time_limit_hours: {普通: 168, 紧急: 24}
departments:
  - {code: water, name: 供水企业, duty: 停水}
  - {code: housing, name: 住建, duty: 物业}
topics:
  - {code: "01", domain: 公用, name: 供水, scope: 停水, lead: water, co: [housing], need_tier: 1}
"""


def test_the_national_taxonomy_is_whole() -> None:
    taxonomy = Taxonomy.load()
    assert (len(taxonomy.topics), len(taxonomy.departments), len(taxonomy.domains)) == (146, 50, 20)
    topic = taxonomy.topics["0505"]
    assert (topic.domain, topic.name, topic.lead) == ("环境保护", "餐饮油烟", "urban_management")
    assert topic.co == ("ecology_environment",)
    assert topic.time_limit_hours == {"普通": 168, "紧急": 24}


def test_a_city_brings_its_own_file(tmp_path: Path) -> None:
    file = tmp_path / "city.yaml"
    file.write_text(SMALL.replace("need_tier: 1", "need_tier: 1, time_limit_hours: {紧急: 2}"), encoding="utf-8")
    topic = Taxonomy.load(file).topics["01"]
    assert topic.time_limit_hours == {"普通": 168, "紧急": 2}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lead: water", "lead: gas", "small.yaml:6: topic 01: 'gas' is not the code of a department"),
        ("co: [housing]", "co: [water]", "small.yaml:6: topic 01: co repeats the lead 'water'"),
        ("co: [housing]", "co: housing", "small.yaml:6: topic 01: co must be a list of department codes"),
        ("need_tier: 1", "need_tier: 7", "small.yaml:6: topic 01: need_tier is 7, not one of (1, 2, 3, 4)"),
        ("code: housing", "code: water", "small.yaml:4: code 'water' is there twice"),
        ("name: 住建, ", "", "small.yaml:4: name is missing in the entry of housing"),
        ("紧急: 24", "紧急: soon", "small.yaml:1: time_limit_hours must map each urgency to whole hours"),
        ("topics:", "subjects:", "small.yaml:1: topics must be a list with at least one entry"),
        ("duty: 停水}", "duty: 停水", "small.yaml:4: is not YAML: did not find expected ',' or '}'"),
    ],
)
def test_errors_name_the_line(old: str, new: str, message: str) -> None:
    with pytest.raises(TaxonomyError) as caught:
        Taxonomy.parse(SMALL.replace(old, new, 1), "small.yaml")
    assert str(caught.value) == message


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "city.yaml"
    file.write_bytes("供水".encode("gb18030"))
    with pytest.raises(TaxonomyError, match=r"city\.yaml: cannot be read as UTF-8"):
        Taxonomy.load(file)

"""Chinese quatrains: which poems are some, which are the same, and which stay together when the data is parted."""

from __future__ import annotations

import pytest

THOUGHTS = ("床前明月光", "疑是地上霜", "举头望明月", "低头思故乡")
OLDER_THOUGHTS = ("床前看月光", "疑是地上霜", "举头望山月", "低头思故乡")
STORK_TOWER = ("白日依山尽", "黄河入海流", "欲穷千里目", "更上一层楼")
SPRING_DAWN = ("春眠不觉晓", "处处闻啼鸟", "夜来风雨声", "花落知多少")
FRONTIER = ("秦时明月汉时关", "万里长征人未还", "但使龙城飞将在", "不教胡马度阴山")
FRONTIER_AS_SUNG = ("秦时明月汉时关", "万里征人尚未还", "但愿龙庭神将在", "不教胡马渡阴山")


@pytest.fixture
def tang(recipe):
    return recipe("tang")


def test_a_poem_is_printed_with_a_comma_after_odd_lines_and_a_full_stop_after_even_ones(tang):
    assert tang.Poem(THOUGHTS).text == "床前明月光，疑是地上霜。举头望明月，低头思故乡。"


def test_lines_of_what_is_printed_are_what_it_was_made_of(tang):
    for lines in (THOUGHTS, FRONTIER):
        assert tang.lines_of(tang.Poem(lines).text) == lines


@pytest.mark.parametrize(
    "text",
    [
        "",
        "床前明月光，疑是地上霜。举头望明月，低头思故乡",  # the last full stop is missing
        "床前明月光，疑是地上霜？举头望明月，低头思故乡。",
        "床前明月光，疑是地上霜。举头望□月，低头思故乡。",  # a lost character
        "床前明月光，疑是地上霜。举头望𪭢月，低头思故乡。",  # one that fonts lack
        "床前明月光，疑是地上霜。秦时明月汉时关，万里长征人未还。",
        "前不见古人，后不见来者。念天地之悠悠，独怆然而涕下。",
    ],
)
def test_other_forms_and_holes_are_no_lines(tang, text):
    assert tang.lines_of(text) == ()


def test_poems_of_eight_lines_are_cut_where_wanted_and_longer_ones_never(tang):
    eight = THOUGHTS + STORK_TOWER
    assert tang.poems_of(THOUGHTS, halves=False) == [tang.Poem(THOUGHTS)]
    assert tang.poems_of(eight, halves=False) == []
    assert [poem.lines for poem in tang.poems_of(eight, halves=True)] == [THOUGHTS, STORK_TOWER]
    assert not any(poem.whole for poem in tang.poems_of(eight, halves=True))
    assert tang.poems_of(eight + SPRING_DAWN, halves=True) == []


def test_traditional_characters_become_simplified_ones(tang):
    pytest.importorskip("opencc")
    traditional = tang.Poem(("牀前看月光", "疑是地上霜", "舉頭望山月", "低頭思故鄉"), whole=False)
    assert tang.simplified([traditional, traditional]) == [tang.Poem(OLDER_THOUGHTS, whole=False)] * 2


def test_poems_with_rare_characters_are_left_out(tang):
    poems = [tang.Poem(THOUGHTS), tang.Poem(OLDER_THOUGHTS), tang.Poem(STORK_TOWER)]
    assert tang.without_rare(poems, often=1) == poems
    assert tang.without_rare(poems[:2], often=3) == []
    assert tang.without_rare([poems[0], poems[0], poems[2]], often=2) == [poems[0], poems[0]]


def test_variants_of_a_poem_are_nearly_the_same_and_other_poems_are_not(tang):
    assert tang.nearly_same(tang.Poem(THOUGHTS), tang.Poem(OLDER_THOUGHTS))
    assert tang.nearly_same(tang.Poem(FRONTIER), tang.Poem(FRONTIER_AS_SUNG))
    assert not tang.nearly_same(tang.Poem(THOUGHTS), tang.Poem(STORK_TOWER))
    assert not tang.nearly_same(tang.Poem(THOUGHTS), tang.Poem((THOUGHTS[0], *STORK_TOWER[1:])))
    assert not tang.nearly_same(tang.Poem(THOUGHTS), tang.Poem(FRONTIER))


def test_of_variants_the_first_is_kept(tang):
    poems = [tang.Poem(FRONTIER), tang.Poem(FRONTIER_AS_SUNG), tang.Poem(FRONTIER), tang.Poem(THOUGHTS)]
    assert list(tang.families(poems)) == [tang.Poem(FRONTIER), tang.Poem(THOUGHTS)]


def test_poems_that_share_a_line_are_one_family_and_so_are_those_that_a_later_one_binds(tang):
    one, two, alone = tang.Poem(STORK_TOWER), tang.Poem(SPRING_DAWN), tang.Poem(FRONTIER)
    collage = tang.Poem((STORK_TOWER[0], THOUGHTS[1], SPRING_DAWN[2], THOUGHTS[3]))
    families = tang.families([one, two, alone, collage])
    assert families[one] == families[two] == families[collage] == one
    assert families[alone] == alone


def test_only_training_takes_halves(tang, monkeypatch):
    pytest.importorskip("pypinyin")
    parts = {
        tang.Poem(THOUGHTS): "train",
        tang.Poem(FRONTIER, whole=False): "train",
        tang.Poem(SPRING_DAWN, whole=False): "test",
        tang.Poem(STORK_TOWER): "test",
    }
    monkeypatch.setattr(tang, "_poems", lambda: parts)
    assert list(tang.load("train").texts) == [tang.Poem(THOUGHTS).text, tang.Poem(FRONTIER).text]
    assert list(tang.load("test").texts) == [tang.Poem(STORK_TOWER).text]

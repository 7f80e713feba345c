"""Where settings come from, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigc_core.config import FILE, Config, data_folder, load, user_file
from aigc_core.errors import UsageError


@pytest.fixture
def project(tmp_path):
    """Write ``./aigc.toml``, and return what holds for a command started beside it."""

    def write(toml: str = "", environment=None):
        (tmp_path / FILE).write_text(toml, encoding="utf-8")
        return load(tmp_path, environment or {})

    return write


@pytest.fixture
def user():
    """Write the user's own ``aigc.toml``."""

    def write(toml: str) -> Path:
        user_file().parent.mkdir(parents=True, exist_ok=True)
        user_file().write_text(toml, encoding="utf-8")
        return user_file()

    return write


def test_nothing_set_gives_the_defaults(tmp_path):
    settings = load(tmp_path, {})
    assert settings.config == Config()
    assert settings.config.generate.output == "aigc-output"
    assert settings.config.ledger_path == data_folder() / "runs.sqlite"
    assert settings.config.model_path == (data_folder() / "models",)
    assert {origin for _, _, origin in settings.rows()} == {"default"}


def test_environment_goes_before_project_before_user(project, user):
    user('[generate]\noutput = "of-user"\nmetadata = "params"\non_error = "skip"\n')
    settings = project(
        '[generate]\noutput = "of-project"\nmetadata = "id"\n', {"AIGC_GENERATE_OUTPUT": "of-environment"}
    )
    generate = settings.config.generate
    assert (generate.output, generate.metadata, generate.on_error) == ("of-environment", "id", "skip")


def test_origin_names_file_line_and_variable(project, user):
    path = user('# my own\n[generate]\non_error = "skip"\n')
    settings = project(
        '[defaults]\nimage = "digits-vae"\n\n[pipeline.image]\npre = []\npost = [\n  "sharpen",\n]\n',
        {"AIGC_MODELS_PATH": "a, b"},
    )
    assert settings.origin == {
        "generate.on_error": f"{path}:3",
        "defaults.image": "aigc.toml:2",
        "pipeline.image.pre": "aigc.toml:5",
        "pipeline.image.post": "aigc.toml:6",
        "models.path": "AIGC_MODELS_PATH",
    }


def test_origin_line_of_each_way_to_write_toml(project):
    settings = project(
        'generate.output = "dotted"\n'
        'runs = { ledger = "inline.sqlite" }\n'
        "[ 'plugins' ]\n"
        '"disable" = []\n'
        "[filters.wordlist]\n"
        'deny = ["cat"]\n'
    )
    assert settings.config.generate.output == "dotted"
    assert settings.config.runs.ledger == "inline.sqlite"
    assert settings.origin["generate.output"] == "aigc.toml:1"
    assert settings.origin["runs.ledger"] == "aigc.toml:2"
    assert settings.origin["plugins.disable"] == "aigc.toml:4"
    assert settings.origin["filters.wordlist"] == "aigc.toml:5"


def test_tables_are_merged_and_lists_are_replaced(project, user):
    user('[defaults]\nimage = "a"\ntext = "b"\n[plugins]\ndisable = ["x", "y"]\n')
    config = project('[defaults]\nimage = "c"\n[plugins]\ndisable = ["z"]\n').config
    assert config.defaults == {"image": "c", "text": "b"}
    assert config.plugins.disable == ("z",)


def test_every_setting_stands_in_the_rows(project):
    rows = {key: value for key, value, _ in project('[defaults]\nimage = "digits-vae"\n').rows()}
    assert rows["defaults.image"] == "digits-vae"
    assert {"generate.output", "generate.labels", "moderation.skip", "plugins.safe", "runs.ledger"} <= set(rows)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('[generate]\n\noutptu = "x"\n', "aigc.toml:3: unknown key 'generate.outptu' (did you mean 'output'?)"),
        ('[genrate]\noutput = "x"\n', "aigc.toml:1: unknown key 'genrate' (did you mean 'generate'?)"),
        ("\nzzz = 1\n", "aigc.toml:2: unknown key 'zzz' (see: aigc config show)"),
        ("[pipeline.image]\npots = []\n", "aigc.toml:2: unknown key 'pipeline.image.pots' (did you mean 'post'?)"),
        ('[generate]\nmetadata = "everything"\n', "aigc.toml:2: generate.metadata: Input should be 'full'"),
        ('[generate]\nlabels = ["iptc", "xyz"]\n', "aigc.toml:2: generate.labels: Input should be 'iptc'"),
        ("[plugins]\nsafe = 7\n", "aigc.toml:2: plugins.safe: Input should be a valid boolean"),
        ("[plugins]\ndisable = 'x'\n", "aigc.toml:2: plugins.disable: Input should be a valid tuple"),
        ("[defaults]\nimage = 7\n", "aigc.toml:2: defaults.image: Input should be a valid string"),
        ("[generate]\noutput = \n", "aigc.toml cannot be read: "),
        ("[generate]\noutput = 'a'\noutput = 'b'\n", "aigc.toml cannot be read: "),
    ],
)
def test_wrong_file(project, toml, says):
    with pytest.raises(UsageError) as error:
        project(toml)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "toml",
    ["generate = 7\n", "plugins = []\n", "pipeline = 'x'\n", "[pipeline]\nimage = 3\n", "[filters]\nwordlist = 1\n"],
)
def test_value_where_a_table_belongs(project, toml):
    with pytest.raises(UsageError, match=r"aigc\.toml:\d: "):
        project(toml)


@pytest.mark.parametrize("toml", ["[plugins]\nload = 'mine.py'\n", "[plugins]\nload = [3]\n"])
def test_plugins_that_are_no_list_of_files(project, toml):
    with pytest.raises(UsageError, match=r"aigc\.toml:2: plugins\.load"):
        project(toml)


def test_wrong_file_of_the_user_is_named_in_full(project, user):
    path = user("[generate]\nmetadta = 'id'\n")
    with pytest.raises(UsageError) as error:
        project()
    assert f"{path}:2: unknown key 'generate.metadta' (did you mean 'metadata'?)" in str(error.value)


def test_file_that_is_not_utf8(tmp_path):
    (tmp_path / FILE).write_bytes(b"[generate]\noutput = '\xff'\n")
    with pytest.raises(UsageError, match=r"aigc\.toml cannot be read"):
        load(tmp_path, {})


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("AIGC_GENERATE_OUTPUT", "my pictures", "generate.output", "my pictures"),
        ("AIGC_GENERATE_ON_ERROR", "skip", "generate.on_error", "skip"),
        ("AIGC_PLUGINS_SAFE", "1", "plugins.safe", True),
        ("AIGC_PLUGINS_SAFE", "false", "plugins.safe", False),
        ("AIGC_PLUGINS_DISABLE", "a, b,,c ", "plugins.disable", ("a", "b", "c")),
        ("AIGC_DISABLE_PLUGINS", "a", "plugins.disable", ("a",)),
        ("AIGC_MODERATION_FILTERS", "", "moderation.filters", ()),
        ("AIGC_RUNS_LEDGER", "/x/y.sqlite", "runs.ledger", "/x/y.sqlite"),
    ],
)
def test_environment(tmp_path, variable, text, key, value):
    settings = load(tmp_path, {variable: text})
    assert (key, value, variable) in settings.rows()
    assert settings.ignored == ()


def test_environment_that_is_wrong_names_the_variable(tmp_path):
    with pytest.raises(UsageError, match=r"AIGC_PLUGINS_SAFE: plugins\.safe: "):
        load(tmp_path, {"AIGC_PLUGINS_SAFE": "perhaps"})


def test_environment_that_names_no_setting_is_told(tmp_path):
    """Not an error: other programs, and other versions of this one, may have set it."""
    settings = load(tmp_path, {"AIGC_GENERATE_OUTPTU": "x", "HOME": "/root", "XAIGC_Y": "z"})
    assert settings.ignored == ("AIGC_GENERATE_OUTPTU",)


def test_plugin_files_are_relative_to_the_file_that_names_them(project, user, tmp_path):
    path = user('[plugins]\nload = ["mine.py", "/elsewhere/other.py", "~/third.py"]\n')
    assert project().config.plugins.load == (
        str(path.parent / "mine.py"),
        "/elsewhere/other.py",
        str(Path("~/third.py").expanduser()),
    )
    assert project('[plugins]\nload = ["sub/mine.py"]\n').config.plugins.load == (str(tmp_path / "sub/mine.py"),)


def test_ledger_and_models_may_lie_at_home(project):
    config = project('[runs]\nledger = "~/l.sqlite"\n[models]\npath = ["~/models", "here"]\n').config
    assert config.ledger_path == Path("~/l.sqlite").expanduser()
    assert config.model_path == (Path("~/models").expanduser(), Path("here"))


def test_folder_that_is_called_like_the_file_is_no_file(tmp_path):
    (tmp_path / FILE).mkdir()
    assert load(tmp_path, {}).config == Config()


def test_every_key_is_documented(project):
    text = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text(encoding="utf-8")
    for section, field in Config.model_fields.items():
        assert section in text
        names = getattr(field.annotation, "model_fields", {})
        assert all(name in text for name in names), section

"""Inputs: pieces of content to work from."""

from __future__ import annotations

import pytest
from PIL import Image

from aigc_core import UsageError
from aigc_core.content import own_inputs
from aigc_core.provenance import content_digest, read_input

UNFILTERED = '[moderation]\nskip = ["no-bright"]\n'


@pytest.fixture
def house(pipeline):
    return pipeline(UNFILTERED)


def make(house, **order):
    return house.generate("image", model="studio/noise", **order)


def test_an_input_that_the_generator_does_not_take_is_refused(house):
    with pytest.raises(UsageError, match=r"studio/noise takes no input 'sketch' \(models that can: none is here\)"):
        make(house, inputs={"sketch": Image.new("L", (4, 4))})


def test_a_model_that_cannot_encode_names_those_that_can(house):
    with pytest.raises(UsageError, match=r"digits-gan cannot encode pictures \(models that can: .*digits-vae"):
        house.generate("image", model="digits-gan", inputs={"like": Image.new("L", (4, 4))})


def test_an_input_of_another_modality_is_refused(house):
    with pytest.raises(UsageError, match="the input 'photo' has to be image, not text"):
        make(house, inputs={"photo": "a text"})


def test_an_input_stands_in_every_recipe_by_its_digest(house):
    photo = Image.linear_gradient("L")
    made = make(house, n=3, inputs={"photo": photo})
    assert [artifact.recipe["inputs"] for artifact in made] == [{"photo": content_digest(photo)}] * 3


def test_a_preprocessed_input_stands_in_the_recipe_as_it_was_worked_from(house):
    photo = Image.linear_gradient("L")
    made = make(house, n=2, inputs={"photo": photo}, pre=["mirror"])
    assert {artifact.recipe["inputs"]["photo"] for artifact in made} == {content_digest(photo.rotate(180))}


def test_an_input_is_turned_as_a_camera_says(tmp_path):
    lying = Image.linear_gradient("L").resize((6, 3)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise to see it upright
    lying.save(tmp_path / "a.png", exif=exif)
    upright = read_input(tmp_path / "a.png")
    assert upright.size == (3, 6)
    assert content_digest(upright) == content_digest(lying.rotate(-90, expand=True))


def test_who_looks_at_an_input_gets_a_copy_of_his_own():
    photo = Image.linear_gradient("L")
    inputs = own_inputs({"photo": photo})
    inputs["photo"].paste(0, (0, 0, 256, 256))
    for content in inputs.values():
        content.paste(0, (0, 0, 256, 256))
    assert inputs["photo"].tobytes() == photo.tobytes()
    assert (list(inputs), len(inputs), own_inputs(inputs) is inputs) == (["photo"], 1, True)
    with pytest.raises(TypeError):
        inputs["photo"] = photo

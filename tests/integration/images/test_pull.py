from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from floe_local.errors import MachineError
from floe_local.plan.blueprint.model import ImageSource
from floe_local.plan.stack.model import ImageNeed
from floe_local.plan.values import Origin
from floe_local.run.images import Policy, build_images, list_images, pull_images, resolve
from floe_local.run.pull import pull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from floe_local.plan.blueprint.recipe import LocatedRecipe
    from floe_local.run.engine import Engine
    from floe_local.run.progress import Progress

    Make = Callable[..., LocatedRecipe]
    Publish = Callable[[str], None]

pytestmark = pytest.mark.integration


@pytest.fixture
def upstream(engine: Engine) -> Iterator[str]:
    """Give a name that nobody has; what a test pulls by it, also from mirrors, goes again."""
    name = f"floe-test-{uuid.uuid4().hex[:12]}/thing:1"
    yield name
    tags = [tag for image in engine.client.api.images() for tag in image["RepoTags"] or ()]
    for tag in tags:
        if tag.endswith(name):
            engine.client.api.remove_image(tag, force=True)


def need(
    upstream: str | None = None,
    recipe: LocatedRecipe | None = None,
    *,
    override: str | None = None,
    optional: bool = False,
) -> ImageNeed:
    folder, name = (str(recipe.folder.parent), recipe.folder.name) if recipe else ("/", None)
    source = ImageSource(upstream=upstream, recipe=name)
    return ImageNeed(
        service="thing", source=source, folder=folder, override=override, optional=optional
    )


def test_an_image_is_pulled_from_the_mirror_once(
    engine: Engine, registry: str, publish: Publish, upstream: str
) -> None:
    publish(f"{registry}/hub/{upstream}")
    policy = Policy(registry=f"{registry}/hub", build="never")

    first = resolve([need(upstream)], policy, engine)["thing"]
    second = resolve([need(upstream)], policy, engine)["thing"]

    assert first.reference == second.reference == f"{registry}/hub/{upstream}"
    assert (first.how, second.how) == ("pulled", "present")
    assert first.origin is Origin.UPSTREAM


def test_a_pull_goes_before_a_build(
    engine: Engine, registry: str, publish: Publish, upstream: str, make_recipe: Make
) -> None:
    publish(f"{registry}/{upstream}")
    recipe = make_recipe()

    image = resolve([need(upstream, recipe)], Policy(registry=registry, build="always"), engine)

    assert image["thing"].origin is Origin.UPSTREAM
    assert engine.image(recipe.reference) is None


def test_what_is_built_goes_before_a_pull(
    engine: Engine, registry: str, publish: Publish, upstream: str, make_recipe: Make
) -> None:
    publish(f"{registry}/{upstream}")
    recipe = make_recipe(extra="origin: stand-in\n")
    wanted = [need(upstream, recipe)]
    policy = Policy(registry=registry)
    build_images(wanted, policy, engine)

    image = resolve(wanted, policy, engine)["thing"]

    assert (image.reference, image.origin) == (recipe.reference, Origin.STAND_IN)


def test_a_pull_that_was_asked_for_is_made_whatever_is_here(
    engine: Engine, registry: str, publish: Publish, upstream: str, make_recipe: Make
) -> None:
    publish(f"{registry}/{upstream}")
    wanted = [need(upstream, make_recipe())]
    policy = Policy(registry=registry)
    build_images(wanted, policy, engine)

    (status,) = pull_images(wanted, policy, engine)

    assert status.image
    assert status.image.reference == f"{registry}/{upstream}"


def test_the_manifests_own_image_is_pulled_by_its_own_name(
    engine: Engine, registry: str, publish: Publish, upstream: str
) -> None:
    own = f"{registry}/{upstream}"
    publish(own)

    image = resolve([need("x/y:1", override=own)], Policy(registry="mirror.invalid"), engine)

    assert image["thing"].reference == own


def test_a_tag_that_the_registry_lacks_is_called_so(
    engine: Engine, registry: str, upstream: str
) -> None:
    with pytest.raises(MachineError) as raised:
        pull(f"{registry}/{upstream}", engine)

    assert raised.value.code == "image-not-found"
    assert upstream in raised.value.reason


def test_a_registry_that_wants_a_login_is_called_so(
    engine: Engine, closed_registry: str, upstream: str
) -> None:
    with pytest.raises(MachineError) as raised:
        pull(f"{closed_registry}/{upstream}", engine)

    assert raised.value.code == "pull-denied"
    assert "docker login" in raised.value.hint


def test_a_registry_that_is_not_there_is_called_so(
    engine: Engine, nobody: str, upstream: str
) -> None:
    with pytest.raises(MachineError) as raised:
        pull(f"{nobody}/{upstream}", engine)

    assert raised.value.code == "registry-unreachable"
    assert "connection refused" in raised.value.reason


def test_a_name_that_does_not_resolve_is_called_so(engine: Engine, upstream: str) -> None:
    with pytest.raises(MachineError, match=r"registry\.invalid") as raised:
        pull(f"registry.invalid/{upstream}", engine)

    assert raised.value.code == "registry-unreachable"


def test_where_nobody_answers_a_build_must_be_asked_for(
    engine: Engine, nobody: str, upstream: str, make_recipe: Make
) -> None:
    recipe = make_recipe()

    with pytest.raises(MachineError) as raised:
        resolve([need(upstream, recipe)], Policy(registry=nobody), engine)

    assert raised.value.code == "registry-unreachable"
    assert "--build" in raised.value.hint
    assert engine.image(recipe.reference) is None


def test_a_build_is_asked_for_once(
    engine: Engine, nobody: str, upstream: str, make_recipe: Make
) -> None:
    one, other = need(upstream, make_recipe()), need(upstream, make_recipe())
    wanted = [one, other.model_copy(update={"service": "other"})]
    questions: list[str] = []

    def yes(question: str) -> bool:
        questions.append(question)
        return True

    images = resolve(wanted, Policy(registry=nobody, ask=yes), engine)

    assert len(questions) == 1
    assert "minutes" in questions[0]
    assert {image.how for image in images.values()} == {"built"}
    assert {image.origin for image in images.values()} == {Origin.BUILT}


def test_a_refused_build_builds_nothing(
    engine: Engine, nobody: str, upstream: str, make_recipe: Make
) -> None:
    recipe = make_recipe()

    with pytest.raises(MachineError):
        resolve([need(upstream, recipe)], Policy(registry=nobody, ask=lambda _: False), engine)

    assert engine.image(recipe.reference) is None


def test_a_registry_that_is_not_there_is_asked_once(
    engine: Engine, nobody: str, upstream: str, make_recipe: Make
) -> None:
    events: list[Progress] = []
    one, other = need(upstream, make_recipe()), need("another/thing:2", make_recipe())
    wanted = [one, other.model_copy(update={"service": "other"})]

    resolve(wanted, Policy(registry=nobody, build="always"), engine, events.append)

    assert len({event.subject for event in events if event.phase == "pulling"}) == 1


def test_an_optional_service_is_left_out_with_the_reason(
    engine: Engine, nobody: str, upstream: str
) -> None:
    events: list[Progress] = []

    images = resolve(
        [need(upstream, optional=True)], Policy(registry=nobody), engine, events.append
    )

    assert images == {}
    assert [e.phase for e in events if e.subject == "thing"] == ["left-out"]
    assert "connection refused" in events[-1].detail


def test_a_list_tells_what_is_here_and_changes_nothing(
    engine: Engine, nobody: str, upstream: str, make_recipe: Make
) -> None:
    recipe = make_recipe()
    policy = Policy(registry=nobody)

    (before,) = list_images([need(upstream, recipe)], policy, engine)
    build_images([need(upstream, recipe)], policy, engine)
    (after,) = list_images([need(upstream, recipe)], policy, engine)

    assert (before.image, before.recipe) == (None, recipe.reference)
    assert before.wanted == f"{nobody}/{upstream}"
    assert after.image
    assert after.image.origin is Origin.BUILT
    assert after.size is not None

"""Which image each service runs: present, else pulled, else built.

In this order: the manifest's own image; upstream's, when it is here; the image that this
project's recipe makes, when it is here; upstream's, pulled; the recipe's, built. Upstream's
names are for upstream's images only: what is built has a name of its own, and a label that
says whether it is the real thing or a stand-in. An image of floe-local's own (the sandbox's
recorder) has no upstream: it is built without a question, which takes a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from floe_local.errors import FloeError, InputError, MachineError
from floe_local.plan.blueprint.recipe import LABEL_DIFFERS, LABEL_ORIGIN, LocatedRecipe, load_recipe
from floe_local.plan.stack.model import ImageNeed, ResolvedImage
from floe_local.plan.values import Frozen, Origin
from floe_local.plan.yaml_source import suggestion
from floe_local.run import build as builder
from floe_local.run.progress import Progress, silent
from floe_local.run.pull import mirrored, pull, registry_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from floe_local.run.engine import Engine
    from floe_local.run.progress import OnProgress

BUILD_HINT = "To build it from packages on this machine (about ten minutes, once), add `--build`."
REGISTRY_WIDE = frozenset({"registry-unreachable"})
"""Causes that hold for the whole registry, so that it is asked once only."""


class Policy(Frozen):
    """What may be done to get an image.

    `registry` is a prefix for upstream's names (a mirror). With `build` "ask", `ask` is
    called once with a question before anything is built; without `ask` (nobody is there to
    answer), nothing is built.
    """

    registry: str | None = None
    pull: bool = True
    build: Literal["always", "never", "ask"] = "ask"
    ask: Callable[[str], bool] | None = None


class Candidate(NamedTuple):
    """A name under which a service's image may be here, or be pulled."""

    reference: str
    may_pull: bool


class ImageStatus(Frozen):
    """What is known of one service's image, for ``floe-local images list``.

    `image` is what the service would run now; None: nothing is here. `wanted` is upstream's
    name (or the manifest's own image), `recipe` the name that a build gives. Sizes are bytes.
    `differs` says in what the image is not as upstream's, by its label.
    """

    service: str
    wanted: str | None
    recipe: str | None
    image: ResolvedImage | None
    size: int | None = None
    differs: str = ""
    optional: bool = False


def resolve(
    needs: Iterable[ImageNeed],
    policy: Policy,
    engine: Engine,
    report: OnProgress = silent,
) -> dict[str, ResolvedImage]:
    """Get an image for each service.

    Returns:
        The image by service. An optional service whose image cannot be had is left out;
        `report` is told why (phase ``left-out``).

    Raises:
        MachineError: a service's image is not here, cannot be pulled (the cause is the
            pull's), and is not to be, or cannot be, built.
        InputError: a recipe is wrong, or a name is not an image's.
    """
    found: dict[str, ResolvedImage] = {}
    missing: list[tuple[ImageNeed, FloeError | None]] = []
    unreachable: dict[str, FloeError] = {}
    for need in needs:
        image, cause = _here_or_pulled(need, policy, engine, report, unreachable)
        if image:
            found[need.service] = image
        else:
            missing.append((need, cause))
    return found | _built(missing, policy, engine, report)


def candidates(
    need: ImageNeed, registry: str | None, recipes: Sequence[str]
) -> tuple[Candidate, ...]:
    """The names of a service's image, the best first. `recipes` are what builds would make."""
    if need.override:
        return (Candidate(reference=need.override, may_pull=True),)
    upstream = need.source.upstream
    names = []
    if upstream:
        names.append(Candidate(reference=mirrored(upstream, registry), may_pull=True))
    if upstream and registry:
        names.append(Candidate(reference=upstream, may_pull=False))
    names += [Candidate(reference=recipe, may_pull=False) for recipe in recipes]
    return tuple(names)


def origin_of(labels: Mapping[str, str]) -> Origin:
    """What an image is, by its label: without one it came from elsewhere, from upstream."""
    return Origin(labels.get(LABEL_ORIGIN, Origin.UPSTREAM))


def list_images(
    needs: Iterable[ImageNeed], policy: Policy, engine: Engine
) -> tuple[ImageStatus, ...]:
    """What is here for each service. Nothing is pulled or built."""
    return tuple(_status(need, policy, engine) for need in needs)


def pull_images(
    needs: Iterable[ImageNeed],
    policy: Policy,
    engine: Engine,
    report: OnProgress = silent,
) -> tuple[ImageStatus, ...]:
    """Pull every service's upstream image (or the manifest's own), also when it is here.

    Raises:
        MachineError: the cause of the first image that could not be pulled; an optional
            service's image may fail (phase ``left-out``).
    """
    wanted = [need for need in needs if _upstream_name(need, policy)]
    for need in wanted:
        try:
            pull(str(_upstream_name(need, policy)), engine, report)
        except MachineError as error:
            _leave_out_or_raise(need, error, report)
    return list_images(wanted, policy, engine)


def build_images(
    needs: Iterable[ImageNeed],
    policy: Policy,
    engine: Engine,
    report: OnProgress = silent,
) -> tuple[ImageStatus, ...]:
    """Build every service's image that has a recipe, unless that very image is here.

    Raises:
        MachineError: as `floe_local.run.build.build`.
    """
    with_recipe = [(need, recipes[0]) for need in needs if (recipes := _recipes(need))]
    builder.build_all([recipe for _, recipe in with_recipe], engine, report, policy.registry)
    return list_images([need for need, _ in with_recipe], policy, engine)


def _here_or_pulled(
    need: ImageNeed,
    policy: Policy,
    engine: Engine,
    report: OnProgress,
    unreachable: dict[str, FloeError],
) -> tuple[ResolvedImage | None, FloeError | None]:
    names = candidates(need, policy.registry, [r.reference for r in _recipes(need)])
    here = _first_here(names, engine)
    if here or not policy.pull:
        return here, None
    cause: FloeError | None = None
    for name in (candidate.reference for candidate in names if candidate.may_pull):
        cause = unreachable.get(registry_of(name)) or _try_pull(name, engine, report)
        if cause is None:
            return _look(name, engine, how="pulled"), None
        if cause.code in REGISTRY_WIDE:
            unreachable[registry_of(name)] = cause
    return None, cause


def _try_pull(name: str, engine: Engine, report: OnProgress) -> FloeError | None:
    try:
        pull(name, engine, report)
    except MachineError as error:
        return error
    return None


def _built(
    missing: Sequence[tuple[ImageNeed, FloeError | None]],
    policy: Policy,
    engine: Engine,
    report: OnProgress,
) -> dict[str, ResolvedImage]:
    _refuse_unknown_components([need for need, _ in missing])
    buildable = [(n, r[0]) for n, _ in missing if not n.override and (r := _recipes(n))]
    own = [(n, r) for n, r in buildable if not n.source.upstream and policy.build != "never"]
    others = [pair for pair in buildable if pair not in own]
    required = [n for n, _ in others if not n.optional]
    agreed = bool(required) and _agreed(policy, [r for _, r in others])
    built: dict[str, ResolvedImage] = {}
    recipes = {n.service: r for n, r in (*own, *(others if agreed else ()))}
    for need, cause in missing:
        if need.service not in recipes:
            _leave_out_or_raise(need, _unobtainable(need, cause), report)
    builder.build_all(list(recipes.values()), engine, report, policy.registry)
    for service, recipe in recipes.items():
        image = _look(recipe.reference, engine, how="built")
        built |= {service: image} if image else {}
    return built


def _agreed(policy: Policy, recipes: Sequence[LocatedRecipe]) -> bool:
    if policy.build == "ask" and policy.ask:
        names = ", ".join(recipe.recipe.name for recipe in recipes)
        return policy.ask(f"Build {names} from packages? That takes about ten minutes, once.")
    return policy.build == "always"


def _unobtainable(need: ImageNeed, cause: FloeError | None) -> MachineError:
    wanted = need.override or need.source.upstream or need.source.recipe
    reason = cause.reason if cause else f"{wanted} is not here, and nothing is to be pulled"
    hints = [
        cause.hint if cause else "",
        BUILD_HINT if need.source.recipe and not need.override else "",
    ]
    hint = " ".join(filter(None, hints))
    return MachineError(cause.code if cause else "image-missing", f"{need.service}: {reason}", hint)


def _leave_out_or_raise(need: ImageNeed, error: FloeError, report: OnProgress) -> None:
    if not need.optional:
        raise error
    report(Progress(subject=need.service, phase="left-out", detail=error.reason))


def _first_here(names: Iterable[Candidate], engine: Engine) -> ResolvedImage | None:
    looked = (_look(name.reference, engine, how="present") for name in names)
    return next(filter(None, looked), None)


def _look(reference: str, engine: Engine, *, how: str) -> ResolvedImage | None:
    image = engine.image(reference)
    if image is None:
        return None
    return ResolvedImage(reference=reference, origin=origin_of(image.labels), how=how)


def _status(need: ImageNeed, policy: Policy, engine: Engine) -> ImageStatus:
    recipes = [recipe.reference for recipe in _recipes(need)]
    image = _first_here(candidates(need, policy.registry, recipes), engine)
    found = engine.image(image.reference) if image else None
    return ImageStatus(
        service=need.service,
        wanted=_upstream_name(need, policy),
        recipe=next(iter(recipes), None),
        image=image,
        size=found.size if found else None,
        differs=found.labels.get(LABEL_DIFFERS, "") if found else "",
        optional=need.optional,
    )


def _upstream_name(need: ImageNeed, policy: Policy) -> str | None:
    upstream = need.source.upstream
    return need.override or (mirrored(upstream, policy.registry) if upstream else None)


def _recipes(need: ImageNeed) -> tuple[LocatedRecipe, ...]:
    """The recipe of a service's image, as each variant that serves, the smallest first."""
    recipe = _recipe(need)
    return recipe.variants_with(need.components) if recipe else ()


def _recipe(need: ImageNeed) -> LocatedRecipe | None:
    return load_recipe(Path(need.folder) / need.source.recipe) if need.source.recipe else None


def _refuse_unknown_components(needs: Iterable[ImageNeed]) -> None:
    """Refuse a config that names what no build has, before anything is built.

    Raises:
        InputError: ``no-such-component``, with the nearest that there are.
    """
    for need in needs:
        recipe = None if need.override else _recipe(need)
        if recipe is None or recipe.variants_with(need.components):
            continue
        unknown = sorted(need.components - recipe.components)
        names = ", ".join(unknown)
        near = suggestion(unknown[0], recipe.components)
        raise InputError(
            "no-such-component",
            f"{need.service}: the config uses {names}, which no build of its recipe has",
            f"{near} Or let {need.source.upstream or 'an image that has it'} be pulled, or name "
            f"one under local.images.{need.service}.",
        )

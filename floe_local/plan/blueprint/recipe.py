"""A recipe: how an image is made from packages, as data.

A recipe is a folder with a ``recipe.yaml`` and the files that it needs. Its name and the
hash of its content name the image, so that an image that is there need not be made again.
`floe_local.run.build` carries the steps out.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from floe_local.errors import InputError
from floe_local.plan.blueprint.model import Name
from floe_local.plan.values import Frozen, Origin
from floe_local.plan.yaml_source import Problems, read_source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

FILE_NAME = "recipe.yaml"
LABEL_ORIGIN = "dev.floe.local.origin"
LABEL_RECIPE = "dev.floe.local.recipe"
LABEL_UPSTREAM = "dev.floe.local.upstream"
LABEL_DIFFERS = "dev.floe.local.differs"
HINT = "docs/blueprints.md says what a recipe is made of"
_FROM_BASE = re.compile(r"^\s*FROM\s+(--\S+\s+)*\$\{?BASE\b", re.MULTILINE | re.IGNORECASE)
_BASE_BY_DEFAULT = re.compile(r"^\s*ARG\s+BASE\s*=", re.MULTILINE | re.IGNORECASE)
DIGEST_LENGTH = 16
"""Hex digits of the content hash in a tag: 64 bits, and the tag still fits a table."""


class Debootstrap(Frozen):
    """Makes an image of a minimal Debian `suite`, with the packages of `include`.

    `exclude` are patterns of paths (as tar takes them, from ``./``) that stay out.
    """

    step: Literal["debootstrap"]
    suite: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class GoBuild(Frozen):
    """Compiles a static Go program for the image that a later step makes.

    With `module` (``path@version``) that module is downloaded and built in its own folder,
    which keeps its ``replace`` lines; otherwise the recipe's folder is the module.
    `replace` puts a folder of the recipe in place of a module that the program depends on.
    `variables` are set by the linker (``package.name: value``).
    """

    step: Literal["go-build"]
    output: str
    module: str | None = None
    package: str = "."
    replace: dict[str, str] = {}
    variables: dict[str, str] = {}


class DockerBuild(Frozen):
    """Makes an image from a Dockerfile beside recipe.yaml.

    Its context holds the recipe's files, what earlier steps made, and
    ``ca-certificates.crt``, the certificates that this machine trusts. The build argument
    ``BASE`` names the image of the recipe's `base`.
    """

    step: Literal["docker-build"]
    dockerfile: str = "Dockerfile"


class Effort(Frozen):
    """What a build takes where nothing is cached, as measured, for people to plan by.

    `download_mb` are megabytes (10**6 bytes), `cpu_s` processor seconds, of user and system.
    """

    download_mb: int = 0
    cpu_s: int = 0


class Variant(Frozen):
    """One of the builds that a recipe can make, such as a small one and a full one.

    `adds` is what it has beyond the variant before it, as ``section/type`` of a Collector
    config (``exporters/otlp_grpc``); `tags` are the Go build tags that choose it.
    """

    name: Name
    adds: frozenset[str]
    tags: tuple[str, ...] = ()
    effort: Effort = Effort()


Step = Annotated[Debootstrap | GoBuild | DockerBuild, Field(discriminator="step")]
ImageStep = (Debootstrap, DockerBuild)


class Recipe(Frozen):
    """How an image is made. `upstream` is the image whose contract it keeps.

    `base` is the folder, from this recipe's, of the recipe that it stands on; `pulled_base` an
    upstream image that serves as well, where it is here or can be pulled. `origin` says
    whether the image is what upstream's is (built), only answers like it (stand-in), or plays
    a backend that runs elsewhere (sandbox). `variants` are the builds to choose from, the
    smallest first. `differs` says in what a built image is not as upstream's.
    """

    recipe: Literal[1]
    name: Name
    upstream: str | None = None
    origin: Literal[Origin.BUILT, Origin.STAND_IN, Origin.SANDBOX] = Origin.BUILT
    base: str | None = None
    pulled_base: str | None = None
    differs: str = ""
    effort: Effort = Effort()
    variants: tuple[Variant, ...] = ()
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _last_step_makes_the_image(self) -> Self:
        *before, last = self.steps
        if not isinstance(last, ImageStep) or any(isinstance(s, ImageStep) for s in before):
            message = "exactly one step makes an image (debootstrap, docker-build): the last"
            raise ValueError(message)
        return self


class LocatedRecipe(Frozen):
    """A recipe with its folder, the hash of its content, and the recipe it stands on.

    `variant` is the build that is meant, of a recipe that has several.
    """

    recipe: Recipe
    folder: Path
    digest: str
    base: LocatedRecipe | None = None
    variant: Variant | None = None

    @property
    def name(self) -> str:
        """The recipe's name, with its variant's: ``collector-core``."""
        return f"{self.recipe.name}-{self.variant.name}" if self.variant else self.recipe.name

    @property
    def effort(self) -> Effort:
        """What building it takes."""
        return self.variant.effort if self.variant else self.recipe.effort

    @property
    def reference(self) -> str:
        """The name of the image: ``floe-local/<name>:<content hash>``."""
        return f"floe-local/{self.name}:{self.digest[:DIGEST_LENGTH]}"

    @property
    def components(self) -> frozenset[str]:
        """Every component that one of the variants has, as ``section/type``."""
        return frozenset().union(*(variant.adds for variant in self.recipe.variants))

    def variants_with(self, components: Collection[str]) -> tuple[LocatedRecipe, ...]:
        """This recipe as each of its variants that has all of `components`, smallest first.

        A recipe without variants is the only choice.
        """
        if not self.recipe.variants:
            return (self,)
        fitting, contents = [], frozenset[str]()
        for variant in self.recipe.variants:
            contents |= variant.adds
            if contents.issuperset(components):
                fitting.append(self.model_copy(update={"variant": variant}))
        return tuple(fitting)

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the image: what it is, and what it is used as."""
        labels = {
            LABEL_ORIGIN: self.recipe.origin.value,
            LABEL_RECIPE: f"{self.name}@{self.digest}",
        }
        more = {LABEL_UPSTREAM: self.recipe.upstream, LABEL_DIFFERS: self.recipe.differs}
        return labels | {label: text for label, text in more.items() if text}

    @property
    def chain(self) -> tuple[LocatedRecipe, ...]:
        """This recipe and those it stands on, the lowest first."""
        return (*(self.base.chain if self.base else ()), self)


def content_hash(files: dict[str, bytes], base: str = "") -> str:
    """The SHA-256 of a recipe's files and of the digest of its base, in hex.

    Names and sizes go in with the contents, so that no two folders look alike. File modes
    do not: a wheel or an archive may lose them.

    Args:
        files: content by path, relative to the recipe's folder, with ``/``.
        base: digest of the recipe that this one stands on.
    """
    hasher = hashlib.sha256(f"base {base}\n".encode())
    for name, content in sorted(files.items()):
        hasher.update(f"{len(name.encode())} {name} {len(content)}\n".encode())
        hasher.update(content)
    return hasher.hexdigest()


def recipe_files(folder: Path) -> dict[str, Path]:
    """The files of a recipe by relative path, without caches and hidden files.

    Links are followed: the source of a server may be a project beside the recipes.
    """
    found = ((path.relative_to(folder), path) for path in _files(folder))
    return {name.as_posix(): path for name, path in found if not _ignored(name)}


def _files(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """The files below a folder; a link to a folder that it is in leads nowhere."""
    real = folder.resolve()
    for path in () if real in above else folder.iterdir():
        if path.is_dir():
            yield from _files(path, (*above, real))
        elif path.is_file():
            yield path


def load_recipe(folder: Path) -> LocatedRecipe:
    """Read the recipe in a folder, and those that it stands on.

    Raises:
        InputError: ``recipe-…``: there is no recipe.yaml, it is not valid YAML, it is no recipe
            (each mistake with line and field), or the recipes stand on each other.
    """
    return _load(folder.resolve(), above=())


def _load(folder: Path, above: tuple[Path, ...]) -> LocatedRecipe:
    if folder in above:
        raise InputError("recipe-cycle", f"{folder / FILE_NAME}: base: stands on itself")
    recipe = _parse(folder / FILE_NAME)
    _refuse_blank_base(recipe, folder)
    base = _load((folder / recipe.base).resolve(), (*above, folder)) if recipe.base else None
    contents = {name: path.read_bytes() for name, path in recipe_files(folder).items()}
    digest = content_hash(contents, base.digest if base else "")
    return LocatedRecipe(recipe=recipe, folder=folder, digest=digest, base=base)


def _refuse_blank_base(recipe: Recipe, folder: Path) -> None:
    """A Dockerfile that stands on BASE needs one; Docker would only say that a name is blank."""
    last = recipe.steps[-1]
    file = folder / (last.dockerfile if isinstance(last, DockerBuild) else "")
    if recipe.base or recipe.pulled_base or not file.is_file():
        return
    text = file.read_text("utf-8", "replace")
    if _FROM_BASE.search(text) and not _BASE_BY_DEFAULT.search(text):
        reason = f"{folder / FILE_NAME}: {file.name} stands on BASE, and there is no `base`"
        hint = f"write `base` (a recipe's folder) or `pulled_base` (an image); {HINT}"
        raise InputError("recipe-invalid", reason, hint)


def _parse(path: Path) -> Recipe:
    source = read_source(path, code="recipe")
    try:
        return Recipe.model_validate(source.data)
    except ValidationError as error:
        problems = Problems(source)
        for mistake in error.errors(include_url=False):
            problems.add(mistake["loc"], mistake["msg"])
        problems.raise_any("recipe-invalid", HINT)
        raise


def _ignored(name: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in name.parts)

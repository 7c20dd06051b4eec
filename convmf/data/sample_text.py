"""Writes the invented films: titles, genres and synopses in which every attribute is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from convmf.data import sample_world as world
from convmf.data.sample_phrases import CRAFTS, THEMES, TONES, Craft, Value

Item = TypeVar("Item")

MIN_WORDS, MAX_WORDS = 40, 120

_SHE_HE_THEY = {
    "f": ("she", "her", "her", "herself"),
    "m": ("he", "his", "him", "himself"),
    "p": ("they", "their", "them", "themselves"),
}
_OPENINGS = (
    "{intro} [arrives|arrive] {where} with {object} and no return ticket.",
    "{where}, {intro} [keeps|keep] {object} under the bed and {their} [mouth|mouths] shut.",
    "{intro} [has|have] lived {where} for {n} years without once being asked for advice.",
    "Life {where} is quiet until {intro} [opens|open] a parcel with {object} inside.",
    "It is {month} {where}, and {intro} [is|are] about to make a mistake.",
    "Nobody {where} remembers when {intro} last had a visitor, or why {object} hangs in the window.",
    "When {intro} [turns|turn] up {where} on {day}, people stare and then look away.",
    "On {day}, {where}, {intro} [trades|trade] {object} for a bed and a hot meal.",
    "Everyone {where} knows {intro} by sight, and nobody knows about {object}.",
    "All that {intro} [wants|want] is a quiet {season} {where} and somewhere to put {object}.",
    "{intro} [spends|spend] the {season} {where}, dusting {object} and avoiding questions.",
    "Down to the last coin, {intro} [finds|find] work {where} in {month}.",
    "For {n} years {intro} [has|have] been waiting {where} for a letter; on {day} it comes.",
    "{where}, nothing has happened for {n} years, and {intro} [likes|like] it that way.",
    "One {season} morning {where}, {intro} [loses|lose] {object} and [gains|gain] a shadow.",
)
_TONE_FRAMES = (
    "{director}'s film is {adjective} and {another}",
    "the telling is {adjective}, even {another}",
    "{adjective} and {another} in turn, the film belongs to {actor}",
    "this is {a:adjective} and {another} piece of work from {director}",
    "{director} keeps it {adjective} and {another} to the end",
    "{actor} anchors {a:adjective}, {another} piece of storytelling",
)
_TITLES = (
    "The {theme} of {base}",
    "The {setting} and the {theme}",
    "{theme} at {base}",
    "{name}'s {theme}",
    "{base} {setting}",
    "{name} and the {theme}",
    "The Last {setting} in {base}",
    "{name} and the {setting}",
    "The {month} {theme}",
    "What the {setting} Kept",
    "No {theme} for {name}",
    "The {ordinal} {theme}",
    "{name}'s Last {theme}",
    "The {base} {setting} {theme}",
    "One {theme} in {month}",
    "The {base} {theme}",
)
_SEASONS = ("spring", "summer", "autumn", "winter")


@dataclass(frozen=True)
class Film:
    """One invented film: what it is made of, and how that is told."""

    theme: Value
    tone: Value
    setting: Value
    people: Value
    craft: Craft
    title: str
    genres: str
    description: str


class Dice:
    """Choices drawn from one stream of uniform numbers in [0, 1)."""

    def __init__(self, uniform: Callable[[], float]) -> None:
        self.uniform = uniform

    def pick(self, options: Sequence[Item]) -> Item:
        """One of ``options``, each as likely as the others."""
        return options[int(self.uniform() * len(options))]

    def pick_two(self, options: Sequence[Item]) -> tuple[Item, Item]:
        """Two different ones of ``options``."""
        first = int(self.uniform() * len(options))
        second = (first + 1 + int(self.uniform() * (len(options) - 1))) % len(options)
        return options[first], options[second]

    def chance(self, share: float) -> bool:
        """True in ``share`` of the throws."""
        return self.uniform() < share


class _Cast:
    """The people of one synopsis: full names at the first mention, short ones afterwards."""

    def __init__(self, dice: Dice, people: Value) -> None:
        self.kind = dice.pick(people.cast)
        women = list(world.WOMEN)
        men = list(world.MEN)
        surnames = list(world.SURNAMES)

        def draw(names: list[str]) -> str:
            return names.pop(int(dice.uniform() * len(names)))

        first = draw(women if self.kind == "f" or (self.kind == "p" and dice.chance(0.5)) else men)
        if self.kind == "p":
            first = f"{first} and {draw(women if first in world.WOMEN else men)}"
        self._names = {"hero": (f"{first} {draw(surnames)}", first)}
        other = draw(women if dice.chance(0.5) else men)
        self._names["other"] = (f"{other} {draw(surnames)}", other)
        for role in ("director", "actor"):
            surname = draw(surnames)
            self._names[role] = (f"{draw(women if dice.chance(0.5) else men)} {surname}", surname)
        self.base = dice.pick(world.BASES)
        self._seen: set[str] = set()

    def name(self, role: str) -> str:
        """The name of ``role`` as it stands at its next mention."""
        full, short = self._names[role]
        if role in self._seen:
            return short
        self._seen.add(role)
        return full

    def in_title(self) -> str:
        """The hero's first name, or the surname that a pair shares."""
        full, first = self._names["hero"]
        return full.split()[-1] if self.kind == "p" else first


class _Writer:
    """Fills the wordings of one synopsis; ``text`` grows sentence by sentence."""

    def __init__(self, dice: Dice, cast: _Cast, setting: Value, people: Value) -> None:
        self.dice = dice
        self.cast = cast
        self.fixed = dict(
            zip(("they", "their", "them", "themselves"), _SHE_HE_THEY[cast.kind], strict=True),
            place=setting.place,
            in_place=setting.in_place,
            base=cast.base,
            teen=dice.pick(world.TEENS),
        )
        # One object and one calendar run through a synopsis; anything else would only confuse.
        self.object = dice.pick(world.OBJECTS)
        self._object_seen = False
        self._month = int(dice.uniform() * 12)
        self._numbers = world.NUMBERS[:4] if people.young else world.NUMBERS

    def fill(self, wording: str) -> str:
        """``wording`` with its slots filled and its verbs agreeing with the hero."""
        agreed = re.sub(r"\[([^|\]]*)\|([^\]]*)\]", lambda form: form[2 if self.cast.kind == "p" else 1], wording)
        while (slot := re.search(r"\{([a-z_]+)\}", agreed)) is not None:
            agreed = agreed[: slot.start()] + self._value(slot[1]) + agreed[slot.end() :]
        return agreed

    def sentence(self, wording: str) -> str:
        """``wording`` as a whole sentence, with a capital and a full stop."""
        text = self.fill(wording)
        text = re.sub(r",(?:\s*,)+", ",", text)
        text = re.sub(r",([.;:])", r"\1", text)
        text = text if text.endswith(".") else text + "."
        return text[0].upper() + text[1:]

    def _value(self, slot: str) -> str:
        if slot in ("hero", "other", "director", "actor"):
            return self.cast.name(slot)
        if slot == "object":
            seen, self._object_seen = self._object_seen, True
            return "the " + self.object.split(" ", 1)[1] if seen else self.object
        if slot == "month":
            self._month = (self._month + 1 + int(self.dice.uniform() * 2)) % 12
            return world.MONTHS[self._month]
        if slot in self.fixed:
            return self.fixed[slot]
        if slot == "paper":
            return f"the {self.dice.pick(world.BASES)} {self.dice.pick(world.PAPERS)}"
        pools: dict[str, Sequence[str]] = {
            "day": world.DAYS,
            "n": self._numbers,
            "nth": world.ORDINALS,
            "season": _SEASONS,
        }
        return self.dice.pick(pools[slot])


def invent_films(n_films: int, uniform: Callable[[], float]) -> list[Film]:
    """``n_films`` films with different titles, in which no sentence stands twice.

    ``uniform`` gives the next number of a stream in [0, 1); the same stream gives the same films.
    """
    dice = Dice(uniform)
    titles: set[str] = set()
    sentences: set[str] = set()
    return [_invent_film(dice, titles, sentences) for _ in range(n_films)]


def _invent_film(dice: Dice, titles: set[str], sentences: set[str]) -> Film:
    theme, tone = dice.pick(THEMES), dice.pick(TONES)
    setting, people = dice.pick(world.SETTINGS), dice.pick(world.PEOPLE)
    craft = _pick_craft(dice)
    while True:
        cast = _Cast(dice, people)
        writer = _Writer(dice, cast, setting, people)
        told = [writer.sentence(wording) for wording in _wordings(dice, theme, tone, setting, people, craft)]
        n_words = len(" ".join(told).split())
        if MIN_WORDS <= n_words <= MAX_WORDS and sentences.isdisjoint(told) and len(set(told)) == len(told):
            break
    sentences.update(told)
    title = _title(dice, cast, theme, setting)
    while title in titles:
        title = _title(dice, cast, theme, setting)
    titles.add(title)
    genres = sorted({value.genre for value in (theme, tone, setting, people) if value.genre})
    return Film(theme, tone, setting, people, craft, title, "|".join(genres), " ".join(told))


def _pick_craft(dice: Dice) -> Craft:
    throw = dice.uniform()
    for craft in CRAFTS:
        throw -= craft.share
        if throw < 0:
            return craft
    return CRAFTS[-1]


def _wordings(dice: Dice, theme: Value, tone: Value, setting: Value, people: Value, craft: Craft) -> list[str]:
    """The wordings of one synopsis, in the order of reading; the object comes up twice at most."""
    while True:
        opening = dice.pick(_OPENINGS).replace("{intro}", dice.pick(people.lead))
        story = [opening.replace("{where}", dice.pick(setting.lead))]
        scene = dice.uniform()
        if dice.chance(0.5):
            story.append(dice.pick(people.more))
        if 0.2 <= scene < 0.5:
            story.append(dice.pick(setting.more))
        story.append(dice.pick(theme.lead))
        if dice.chance(0.85):
            story.append(dice.pick(theme.more))
        if scene < 0.2:
            story.insert(0, dice.pick(setting.more))
        if sum(wording.count("{object}") for wording in story) <= 2:
            return _with_verdict(dice, story, tone, craft)


def _with_verdict(dice: Dice, story: list[str], tone: Value, craft: Craft) -> list[str]:
    """``story`` with tone and craft told in a critic's voice, mostly at the end."""
    mood = _mood(dice, tone)
    first, second = dice.pick_two(craft.clauses)
    while _long_words(first) & _long_words(second):
        first, second = dice.pick_two(craft.clauses)
    both = f"{first}; {second}" if " and " in first + second else f"{first}, and {second}"
    shape = int(dice.uniform() * 7)
    if shape == 0:
        return [*story, f"{mood}, {craft.joiner} {first}", second]
    if shape == 1:
        return [*story, mood, both]
    if shape == 2:
        return [*story, f"{first}; {second}", mood]
    if shape == 3:
        return [*story, first, f"{second}, {craft.joiner} {mood}"]
    if shape == 4:
        return [*story, f"{first}, {craft.joiner} {mood}", second]
    if shape == 5:
        return [*story, mood, f"{first}; {second}"]
    return [mood, *story, both]


def _long_words(wording: str) -> set[str]:
    return set(re.findall(r"\b[a-z]{5,}\b", re.sub(r"\{.*?\}", "", wording)))


def _mood(dice: Dice, tone: Value) -> str:
    if dice.chance(0.55):
        return dice.pick(tone.lead)
    adjective, another = dice.pick_two(tone.more)
    article = "an" if adjective[0] in "aeiou" else "a"
    frame = dice.pick(_TONE_FRAMES).replace("{a:adjective}", f"{article} {adjective}")
    return frame.replace("{adjective}", adjective).replace("{another}", another)


def _title(dice: Dice, cast: _Cast, theme: Value, setting: Value) -> str:
    return dice.pick(_TITLES).format(
        theme=dice.pick(theme.nouns),
        setting=dice.pick(setting.nouns),
        base=cast.base,
        name=cast.in_title(),
        month=dice.pick(world.MONTHS),
        ordinal=dice.pick(world.ORDINALS).capitalize(),
    )

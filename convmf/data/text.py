"""From a description to token ids: words, vocabulary, encoding."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import regex
from numpy.typing import NDArray

from convmf.errors import DataError

PAD, UNK = 0, 1
"""Token ids of the filling behind a text and of a word outside the vocabulary, which no text is read with."""

MAX_WORD = 100
"""Characters of a word that count: no language has a longer one, and a long run of accents takes quadratic time."""

# Scripts written without spaces: each character, with its marks, is a token of its own.
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]"
_LETTER = rf"(?:(?!{_UNSPACED})[\p{{L}}\p{{N}}])"
_TOKEN = regex.compile(
    rf"{_UNSPACED}[\p{{M}}ﾞﾟ]*|{_LETTER}(?:{_LETTER}|\p{{M}})*(?:['’]{_LETTER}(?:{_LETTER}|\p{{M}})*)*"
)
_LATIN_ACCENT = regex.compile(r"(?<=\p{Latin})\p{M}+")
# Latin letters whose stroke isn't a mark that decomposition takes off.
_WITHOUT_MARK = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
_POSSESSIVE = regex.compile(r"['’]s$|['’]$")
_YEAR = regex.compile(r"(?:1[89]|20)[0-9]{2}")

STOP_WORDS = frozenset(
    """a about above after again against all also am an and any are aren't as at be because been before being below
    between both but by can cannot can't could couldn't did didn't do does doesn't doing don't down during each few for
    from further had hadn't has hasn't have haven't having he her here hers herself him himself his how i if in into is
    isn't it its itself just let me more most my myself no nor not now of off on once only or other our ours ourselves
    out over own same she should shouldn't so some such than that the their theirs them themselves then there these they
    this those through to too under until up upon very was wasn't we were weren't what when where which while who whom
    why will with won't would wouldn't you your yours yourself yourselves he'd he'll she'd she'll they'd they'll they're
    they've we're we've i'm i've you're you've""".split()
)


@dataclass(frozen=True)
class Token:
    """A word as the model sees it, and the stretch ``text[start:end]`` of the original that it came from."""

    word: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Unicode words: lower case, Latin accents folded, possessives split off.

    Runs of Japanese, Chinese, Thai and other scripts without spaces become single characters.
    """
    return [
        Token(word, match.start(), match.end())
        for match in _TOKEN.finditer(text)
        if (word := _normalize(match.group()[:MAX_WORD]))
    ]


def written_words(text: str) -> list[str]:
    """The words of :func:`tokenize` without their places, in half of the time."""
    return [word for match in _TOKEN.findall(text) if (word := _normalize(match[:MAX_WORD]))]


def words(text: str) -> list[str]:
    """The words of ``text`` in their order as a new vocabulary reads them, see :class:`Vocabulary`."""
    return [read for word in written_words(text) for read in _with_decade(word)]


def as_written(read: Sequence[str]) -> str:
    """The phrase that words which follow one another were read from: a year without the decade behind it."""
    pairs = zip(("", *read), read, strict=False)
    return " ".join(word for before, word in pairs if word not in _with_decade(before)[1:])


def _with_decade(word: str) -> tuple[str, ...]:
    return (word, f"{word[:3]}0s") if _YEAR.fullmatch(word) else (word,)


# Words repeat, and most of the time of reading a text goes into normalising them.
@lru_cache(maxsize=1 << 17)
def _normalize(word: str) -> str:
    if not word.isascii():
        decomposed = unicodedata.normalize("NFKD", word.lower())
        word = unicodedata.normalize("NFC", _LATIN_ACCENT.sub("", decomposed)).translate(_WITHOUT_MARK)
    return str(_POSSESSIVE.sub("", word.lower().replace("’", "'")))


@dataclass(frozen=True)
class WordCounts:
    """How often each word occurs in ``n_texts`` texts that aren't empty, and in how many of them."""

    n_texts: int
    n_times: Counter[str]
    n_texts_with: Counter[str]

    @classmethod
    def of(cls, texts: Iterable[str]) -> WordCounts:
        """Count the words of all texts."""
        n_texts, n_times, n_texts_with = 0, Counter[str](), Counter[str]()
        for text in texts:
            count = Counter(words(text))
            n_texts += bool(count)
            n_times.update(count)
            n_texts_with.update(count.keys())
        return cls(n_texts, n_times, n_texts_with)

    def score(self, word: str) -> float:
        """Its sum of tf-idf over the texts; the idf is smoothed, so that a word in every text still counts."""
        return float(self.n_times[word] * (np.log((1 + self.n_texts) / (1 + self.n_texts_with[word])) + 1))

    def most_texts(self, max_document_frequency: float) -> float:
        """The number of texts that a word may stand in; in fewer than ten texts the share says nothing."""
        return max_document_frequency * self.n_texts if self.n_texts >= 10 else self.n_texts


@dataclass(frozen=True)
class Vocabulary:
    """The words that the CNN knows; ``words[k]`` has token id k + 2, after PAD and UNK.

    Behind each year its decade is read as well ("1926" as "1926 1920s"): a year stands in few texts and its decade
    in many, and which of the two tells more is for the CNN to learn. ``decades`` is False in models of before that.
    """

    words: tuple[str, ...]
    decades: bool = True
    _id_of: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ids = {word: token_id for token_id, word in enumerate(self.words, start=UNK + 1)}
        if len(ids) != len(self.words):
            raise DataError("A word stands twice in the vocabulary; each needs an id of its own.")
        object.__setattr__(self, "_id_of", ids)

    def __len__(self) -> int:
        """Number of token ids, PAD and UNK included: the rows of the embedding."""
        return len(self.words) + UNK + 1

    def __contains__(self, word: str) -> bool:
        return word in self._id_of

    def token_id(self, word: str) -> int:
        """The token id of a word, UNK for one outside the vocabulary."""
        return self._id_of.get(word, UNK)

    @classmethod
    def build(cls, texts: Iterable[str], *, max_words: int = 8000, max_document_frequency: float = 0.5) -> Vocabulary:
        """The ``max_words`` words with the largest sum of tf-idf over the texts.

        Stop words, and words in more than ``max_document_frequency`` of the non-empty texts, are left
        out (the latter only from ten texts on: in fewer the share says nothing). Ties go by alphabet.
        """
        counts = WordCounts.of(texts)
        limit = counts.most_texts(max_document_frequency)
        score = {word: counts.score(word) for word, number in counts.n_texts_with.items() if number <= limit}
        candidates = [word for word in score if word not in STOP_WORDS]
        best = sorted(candidates, key=lambda word: (-score[word], word))[:max_words]
        return cls(tuple(best))

    def read(self, text: str) -> list[Token]:
        """The known words of ``text``; a year and its decade come from the same stretch."""
        return [token for token in self._tokens(text) if token.word in self]

    def encode_text(self, text: str, max_length: int) -> tuple[list[int], list[Token]]:
        """The first ``max_length`` token ids of a text, and the token behind each.

        Words outside the vocabulary are left out of the sequence, as in the paper: nothing was learned of them, so
        a text of them alone is read as an empty one.
        """
        known = self.read(text)[:max_length]
        return [self.token_id(token.word) for token in known], known

    def encode(self, texts: Sequence[str], max_length: int) -> NDArray[np.int64]:
        """Token ids, shape (n_texts, longest text or ``max_length``), PAD behind the text.

        Equal to :meth:`encode_text` of each text, without the tokens' places.
        """
        rows = list(self.encode_each(texts, max_length))
        token_ids = np.full((len(rows), max(map(len, rows), default=0)), PAD, dtype=np.int64)
        for row, ids in enumerate(rows):
            token_ids[row, : len(ids)] = ids
        return token_ids

    def encode_each(self, texts: Iterable[str], max_length: int) -> Iterator[list[int]]:
        """As :meth:`encode`, one text after the other, without PAD."""
        for text in texts:
            spoken = words(text) if self.decades else written_words(text)
            known = [token_id for word in spoken if (token_id := self._id_of.get(word)) is not None]
            yield known[:max_length]

    def known_and_unknown(self, text: str) -> tuple[list[str], list[str]]:
        """The distinct words of a text, stop words aside: those that are read, a year also by its decade, and the
        others."""
        spoken = {word: any(read in self for read in self._forms(word)) for word in written_words(text)}
        known = [word for word, is_known in spoken.items() if is_known]
        return known, [word for word, is_known in spoken.items() if not is_known and word not in STOP_WORDS]

    def _tokens(self, text: str) -> list[Token]:
        return [replace(token, word=word) for token in tokenize(text) for word in self._forms(token.word)]

    def _forms(self, word: str) -> tuple[str, ...]:
        return _with_decade(word) if self.decades else (word,)

"""Which column plays which role: by the caller's word, by its name, else by its place."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence

from convmf.data.text import written_words
from convmf.data.values import MAX_NUMBER, parse_number, parse_time
from convmf.errors import DataError, listed, quoted

# Names in the order of preference, lower case without spaces, underscores and the like.
RATING_ROLES: Mapping[str, tuple[str, ...]] = {
    "user_id": tuple(
        "userid user uid users username reviewerid reviewer customerid customer memberid member "
        "visitorid visitor accountid account authorid author readerid profileid profile ユーザーid "
        "ユーザid ユーザー ユーザ 利用者 会員id 会員 benutzerid nutzerid kundenid kundennr kundennummer benutzer "
        "nutzer kunde idutilisateur clientid idclient utilisateur client idusuario idcliente usuario cliente "
        "idutente utente idusuário usuário utilizador".split()
    ),
    "item_id": tuple(
        "itemid item iid items movieid movie productid product asin parentasin bookid book isbn filmid "
        "film gameid game businessid business songid song trackid track articleid article recipeid "
        "recipe sku id アイテムid アイテム 商品id 商品コード 商品 作品id 作品 映画id 映画 品番 artikelid artikelnr "
        "artikelnummer produktid produktnr produktnummer artikel produkt buch idarticle idproduit produit "
        "livre idartículo idarticulo idproducto artículo articulo producto libro película pelicula idarticolo "
        "idprodotto articolo prodotto idproduto produto artigo livro".split()
    ),
    "rating": tuple(
        "rating ratings score scores stars star overall rate starrating userrating bookrating "
        "reviewscore grade 評価 評点 点数 スコア 星 レーティング bewertung bewertungen sterne punkte évaluation "
        "étoiles puntuación puntuacion valoración valoracion calificación calificacion estrellas valutazione "
        "punteggio voto avaliação avaliacao pontuação pontuacao classificação classificacao estrelas".split()
    ),
    "timestamp": tuple(
        "timestamp ratingtimestamp unixreviewtime time datetime date ts createdat reviewdate ratedat "
        "reviewtime タイムスタンプ 日時 日付 評価日 zeitstempel zeitpunkt horodatage fecha".split()
    ),
}
ITEM_ROLES: Mapping[str, tuple[str, ...]] = {
    "item_id": tuple(
        "itemid movieid productid asin parentasin bookid isbn filmid gameid businessid songid trackid "
        "articleid recipeid sku id iid item movie product book film game アイテムid 商品id 商品コード "
        "作品id 映画id 品番 アイテム 商品 作品 映画 artikelid artikelnr artikelnummer produktid produktnr "
        "produktnummer artikel produkt buch idarticle idproduit produit livre idartículo idarticulo idproducto "
        "artículo articulo producto libro película pelicula idarticolo idprodotto articolo prodotto idproduto "
        "produto artigo livro".split()
    ),
    "title": tuple(
        "title name movietitle booktitle itemtitle itemname productname producttitle movie book film "
        "product タイトル 題名 名前 名称 商品名 作品名 titel bezeichnung artikelname produktname artikel produkt buch "
        "titre nom produit livre título titulo nombre artículo articulo producto libro película pelicula titolo nome "
        "articolo prodotto produto artigo livro".split()
    ),
    "text": tuple(
        "description descriptions plot overview synopsis summary text abstract review reviews "
        "reviewtext content plotsummary storyline about blurb body longdescription shortdescription "
        "itemdescription bodyhtml 説明 説明文 商品説明 あらすじ 概要 要約 本文 レビュー 内容 beschreibung "
        "artikelbeschreibung produktbeschreibung kurzbeschreibung handlung inhalt contenu descripción descripcion "
        "sinopsis contenido descrizione sinossi trama descrição descricao sinopse".split()
    ),
    "genres": tuple(
        "genres genre category categories tags tag keywords ジャンル カテゴリ カテゴリー タグ "
        "kategorie kategorien catégorie catégories categoría categorías categoria género genero genere generi "
        "categorie gênero".split()
    ),
}
KNOWN_NAMES = frozenset(name for roles in (RATING_ROLES, ITEM_ROLES) for names in roles.values() for name in names)
MANY = ("text", "genres")  # roles that may take several columns
_SHORT_ROLES = {"user": "user_id", "item": "item_id"}

MOVIELENS_GENRES = tuple(
    "unknown Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy "
    "Film-Noir Horror Musical Mystery Romance Sci-Fi Thriller War Western".split()
)
"""The 19 genres of MovieLens 100K, in the order of the 0/1 columns at the end of ``u.item``."""

_GENRE_LIST = re.compile(r"[^|]{1,30}(\|[^|]{1,30})*")
_NO_PROSE = re.compile(r"https?://\S+|\d{1,2}-[A-Za-z]{3}-\d{4}|\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d[\d.,]*")
_LOOKED_AT = 50  # values of a column by which it is known as descriptions
_MIN_WORDS, _MIN_LENGTH = 5, 25  # of a description, on average: more than a name, a list of genres or an address has


def normalised(name: str) -> str:
    """A column's name without case, width, spaces, underscores and punctuation; "" for one that is endless."""
    # A long run of accents takes Unicode's normalisation quadratic time.
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold()) if len(name) <= MAX_NUMBER else ""


Roles = dict[str, tuple[int, ...]]


def looks_like_items(names: Sequence[str]) -> bool:
    """Whether columns of these names tell of items, and of no rating."""
    spoken = {normalised(name) for name in names}
    told = {*ITEM_ROLES["text"], *ITEM_ROLES["genres"]}
    return not spoken.isdisjoint(told) and spoken.isdisjoint(RATING_ROLES["rating"])


def guess_rating_roles(names: Sequence[str], sample: Sequence[Sequence[str]], taken: Roles | None = None) -> Roles:
    """Column numbers by role of a ratings file; ``taken`` are the caller's. Required roles may be missing."""
    roles = _by_name(names, RATING_ROLES, taken or {})
    by_place = not roles
    for role in ("user_id", "item_id", "rating"):
        free = _free(names, roles)
        if role not in roles and free:
            roles[role] = (free[0],)
    free = _free(names, roles)
    if by_place and "timestamp" not in roles and free:
        values = [row[free[0]] for row in sample if row[free[0]]]
        if values and all(not math.isnan(parse_time(value)) for value in values):
            roles["timestamp"] = (free[0],)
    return roles


def guess_item_roles(names: Sequence[str], sample: Sequence[Sequence[str]], taken: Roles | None = None) -> Roles:
    """Column numbers by role of an items file; ``taken`` are the caller's. A required role may be missing.

    Where names tell of other columns but of none with a text, columns that read as descriptions are its text.
    """
    if not taken and _is_movielens_item(names, sample):
        return {"item_id": (0,), "title": (1,), "text": (), "genres": tuple(range(5, 24))}
    roles = _by_name(names, ITEM_ROLES, taken or {})
    free = _free(names, roles)
    if "item_id" not in roles and free:
        roles["item_id"] = (free.pop(0),)
    if "text" in (taken or {}):
        return roles
    values = [[row[column] for row in sample if row[column]] for column in range(len(names))]
    if "title" in roles or "text" in roles:
        named = roles.get("text", ())
        prose = tuple(column for column in named if _is_prose(values[column]))
        roles["text"] = prose or tuple(column for column in free if _is_description(values[column])) or named
        return roles
    if len(free) < 2:
        roles["text"] = tuple(free)
        return roles
    roles["title"] = (free.pop(0),)
    lists = [column for column in free if _is_genre_list(values[column])]
    if lists and "genres" not in roles:
        roles["genres"] = (free.pop(free.index(lists[0])),)
    roles["text"] = tuple(column for column in free if _is_prose(values[column]))
    return roles


def chosen_roles(
    columns: Mapping[str, str | Sequence[str]] | None,
    names: Sequence[str],
    roles: Mapping[str, object],
    file: str,
) -> Roles:
    """The caller's choice of columns as numbers; a role given as "" or () is left out on purpose.

    Raises
    ------
    DataError
        There is no such role or column, or one role got several columns and takes one.
    """
    chosen: Roles = {}
    for role, value in (columns or {}).items():
        role = _SHORT_ROLES.get(role, role)
        if role not in roles:
            raise DataError(f"There is no role {quoted(role)}. Roles: {', '.join(roles)}.")
        wanted = [value] if isinstance(value, str) else list(value)
        numbers = tuple(sorted(_number(name, names, file) for name in wanted if name))
        if len(numbers) > 1 and role not in MANY:
            raise DataError(f"{role} takes one column, not {len(numbers)}: {listed(wanted)}.")
        chosen[role] = numbers
    return chosen


def name_roles(roles: Roles, names: Sequence[str]) -> dict[str, str | tuple[str, ...]]:
    """Column names by role: a tuple for text and genres, else a string; unused roles are left out."""
    return {
        role: tuple(names[number] for number in numbers) if role in MANY else names[numbers[0]]
        for role, numbers in roles.items()
        if numbers
    }


def roles_in_words(named: Mapping[str, str | tuple[str, ...]]) -> str:
    """What :func:`name_roles` gives as a person reads it: "user_id from Kunde, item_id from Artikel"."""
    return ", ".join(
        f"{role} from {listed([names] if isinstance(names, str) else names)}" for role, names in named.items()
    )


def _number(name: str, names: Sequence[str], file: str) -> int:
    if name in names:
        return names.index(name)
    place = re.fullmatch(r"column (\d{1,4})", name)
    if place and 1 <= int(place[1]) <= len(names):
        return int(place[1]) - 1
    raise DataError(f"{file} has no column {quoted(name)}. Its columns: {listed(names)}. Choose one of these.")


def _by_name(names: Sequence[str], known: Mapping[str, tuple[str, ...]], taken: Roles) -> Roles:
    roles = dict(taken)
    short = [normalised(name) for name in names]
    for role, aliases in known.items():
        if role in roles:
            continue
        free = set(_free(names, roles))
        found = [short.index(alias) for alias in aliases if alias in short and short.index(alias) in free]
        if found:
            roles[role] = tuple(sorted(found)) if role == "text" else (found[0],)
    return roles


def _free(names: Sequence[str], roles: Roles) -> list[int]:
    used = {number for numbers in roles.values() for number in numbers}
    return [number for number in range(len(names)) if number not in used]


def _is_movielens_item(names: Sequence[str], sample: Sequence[Sequence[str]]) -> bool:
    return len(names) == 24 and bool(sample) and all(set(row[5:]) <= {"0", "1"} for row in sample)


def _is_genre_list(values: Sequence[str]) -> bool:
    return all(_GENRE_LIST.fullmatch(value) for value in values) and any("|" in value for value in values)


def _is_prose(values: Sequence[str]) -> bool:
    """Whether a column may be a description: an empty one may, one of numbers, dates or addresses not."""
    n_others = sum(not math.isnan(parse_number(value)) or bool(_NO_PROSE.fullmatch(value)) for value in values)
    return 2 * n_others <= len(values)


def _is_description(values: Sequence[str]) -> bool:
    """Whether a column whose name tells nothing holds descriptions: prose of several words."""
    first = values[:_LOOKED_AT]
    if not first or not _is_prose(values) or _is_genre_list(values):
        return False
    n_words = sum(len(written_words(value)) for value in first)
    return n_words >= _MIN_WORDS * len(first) and sum(map(len, first)) >= _MIN_LENGTH * len(first)

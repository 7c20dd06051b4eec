"""Which column plays which role, by names in several languages and by what the columns hold."""

from __future__ import annotations

import pytest

from convmf.data.columns import ITEM_ROLES, RATING_ROLES, normalised
from convmf.data.readers import preview, read_items, read_ratings

PLOT = "Two detectives share a flat by the sea"


@pytest.mark.parametrize(
    "header",
    [
        "Bewertung;Kunde;Artikel",
        "Sterne;Benutzer-ID;Produkt",
        "évaluation;utilisateur;article",
        "étoiles;client;produit",
        "Puntuación;Usuario;Artículo",
        "valoracion;cliente;producto",
        "voto;utente;prodotto",
        "Avaliação;Usuário;Produto",
    ],
)
def test_ratings_in_several_languages(header: str) -> None:
    table = read_ratings(f"{header}\n4;u1;i1\n3;u2;i1\n".encode())
    assert table.frame.drop(columns="line").astype("str").values.tolist() == [["u1", "i1", "4.0"], ["u2", "i1", "3.0"]]


@pytest.mark.parametrize(
    "header",
    [
        "Beschreibung;Kategorie;Titel;Artikelnr",
        "Description;Catégorie;Titre;Produit",
        "Descripción;Categoría;Título;Producto",
        "Descrizione;Genere;Titolo;Prodotto",
        "Descrição;Categoria;Nome;Produto",
        "body_html;tags;product name;SKU",
    ],
)
def test_items_in_several_languages(header: str) -> None:
    table = read_items(f"{header}\nEin Dieb;Krimi;Heat;x\n".encode())
    assert table.frame.drop(columns="line").values.tolist() == [["x", "Heat", "Ein Dieb", "Krimi"]]


def test_names_are_written_as_they_are_compared() -> None:
    for roles in (RATING_ROLES, ITEM_ROLES):
        for names in roles.values():
            assert [normalised(name) for name in names] == list(names) and len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (f"id,title,description,reviews\n1,Heat,{PLOT},1203\n2,Up,,7\n", ("description",)),
        (f'id,title,description,reviews\n1,Heat,{PLOT},"1,203,405"\n2,Up,A house,n/a\n3,It,,12\n', ("description",)),
        (f"id,title,description,reviews\n1,Heat,{PLOT},nice film\n", ("description", "reviews")),
        ("id,title,description,reviews\n1,Heat,,1203\n", ("description",)),
        ("id,title,reviews\n1,Heat,1203\n", ("reviews",)),
        (f"id,title,reviews,what\n1,Heat,1203,{PLOT}\n", ("what",)),
    ],
)
def test_numbers_under_a_name_of_texts_are_none(source: str, text: tuple[str, ...]) -> None:
    assert preview(source.encode()).item_roles["text"] == text


def test_columns_of_numbers_that_were_chosen_for_text_are_read() -> None:
    table = read_items(f"id,title,description,reviews\n1,Heat,{PLOT},1203\n".encode(), columns={"text": ["reviews"]})
    assert table.frame["text"].tolist() == ["1203"]


def test_a_text_without_a_known_name_is_known_by_its_words() -> None:
    rows = [
        ["item_id", "title", "year", "seen", "link", "kind", "made by", "lists", "what"],
        [
            "1",
            "Heat",
            "1995",
            "1995-12-15",
            "http://a.b/c",
            "Crime",
            "Michael Mann",
            "A film for|a rainy night|b c",
            PLOT,
        ],
        ["2", "Up", "2009", "2009-05-29", "http://a.b/d", "Comedy", "Pete Docter", "Children love|it so much", ""],
    ]
    source = "\n".join(map(";".join, rows)).encode()
    assert preview(source).item_roles["text"] == ("what",)
    assert "text" not in preview(source.replace(PLOT.encode(), b"A house flies")).item_roles
    assert read_items(source, columns={"text": ""}).frame["text"].tolist() == ["", ""]
    japanese = "商品id,商品名,くわしく,原題\n1,猫,海辺の静かな村で暮らす二人の男と一匹の猫の長い物語です。,吾輩は猫\n"
    assert preview(japanese.encode()).item_roles["text"] == ("くわしく",)

"""What the invented films are made of: themes, tones, settings, people and craft, each in many wordings.

The numbers are the truth behind the ratings: ``taste`` is the value's place on the three axes of taste
(heart against darkness, thrill against calm, strange against everyday), ``appeal`` is what everybody adds or
takes off, in stars before scaling. The wordings use a small notation, filled in by ``sample_text``:

``{hero}``, ``{other}``   a person; the full name at the first mention, the short one afterwards
``{they} {their} {them}`` the hero's pronoun (she, he or they)
``[is|are]``              the form for one hero or for two
``{object} {day} …``      filling without influence on any rating
``{a:…}``                 the word with a or an before it
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Value:
    """One value of one attribute: what it does to a rating, and how a synopsis says it.

    ``lead`` holds the wordings of which every synopsis uses one; ``more`` those that add to it.
    """

    name: str
    taste: tuple[float, float, float]
    appeal: float
    lead: tuple[str, ...]
    more: tuple[str, ...]
    genre: str = ""
    nouns: tuple[str, ...] = ()
    place: str = ""
    in_place: str = ""
    cast: str = "fm"
    """Who the hero can be: one woman (f), one man (m) or a pair (p)."""
    young: bool = False
    """A hero too young for long stretches of years."""


@dataclass(frozen=True)
class Craft:
    """How well a film is made: the stars it adds, its share of the films, the critics' half-sentences."""

    name: str
    stars: float
    share: float
    joiner: str
    clauses: tuple[str, ...]


THEMES: tuple[Value, ...] = (
    Value(
        "heist",
        (0.1, 1.1, 0.0),
        0.2,
        (
            "With {other} and a crew of amateurs, {hero} [plans|plan] to empty a vault nobody has ever cracked.",
            "{other} knows the way into the vault, {hero} [knows|know] the guards, and the robbery is set for {day}.",
            "The plan is simple: rob the strongroom, split the loot {n} ways and be gone before {day}.",
            "A robbery needs a driver, a safe-cracker and a liar, and {other} sees all three in {hero}.",
            "When {other} proposes one last heist, {hero} [agrees|agree] to crack the safe for a share of the loot.",
            "{hero} [has|have] {n} days to gather a crew of thieves and steal {object} from a locked strongroom.",
            "Behind {object}, {hero} [finds|find] the drawings of a vault, and {other} starts to plan a heist.",
        ),
        (
            "Then one of the thieves sells the plan, and {other} finds the vault already empty.",
            "The heist goes well; it is sharing the loot with {other} that goes wrong.",
            "Every lock on the safe gives way but the last, and by then {other} has counted the loot twice.",
            "The loot fits into {n} suitcases, and the crew does not trust {other} with any of them.",
            "As the hour of the robbery comes closer, {other} asks one question too many about the guards.",
            "What lies in the vault is not gold but {object}, and somebody will kill for it.",
        ),
        genre="Crime",
        nouns=("Vault", "Strongroom", "Lock", "Key", "Getaway", "Safe"),
    ),
    Value(
        "voyage",
        (0.2, 0.4, 0.8),
        0.15,
        (
            "An old map sends {hero} on a voyage of {n} months, with {other} as the only guide.",
            "{hero} [sets|set] out on an expedition to a coast that no map shows, and {other} comes along uninvited.",
            "To find where {object} came from, {hero} [joins|join] an expedition into unmapped country.",
            "{other} is looking for a crew for a long voyage, and {hero} [signs|sign] on without asking where it goes.",
            "The journey should take {n} weeks; by {month} the expedition has lost its map and half its provisions.",
            "With {object} for a compass, {hero} [begins|begin] a journey from which no explorer has come back.",
        ),
        (
            "Beyond the last name on the map, the explorers come upon something {other} has been hiding all along.",
            "The voyage tests them all, and {other} is the first to want to turn back.",
            "At every stage of the journey somebody has been there before, and has left {object} behind.",
            "The expedition shrinks to {n}, then to two, and the horizon looks as far off as ever.",
            "What began as a voyage of discovery becomes, for {other}, a journey to settle an old debt.",
        ),
        genre="Adventure",
        nouns=("Voyage", "Compass", "Horizon", "Map", "Passage", "Expedition"),
    ),
    Value(
        "first love",
        (1.2, -0.5, -0.3),
        0.1,
        (
            "Then {other} asks for a dance on {day}, and {hero} [falls|fall] in love for the first time.",
            "A shared umbrella, {object}, a first kiss: {hero} [has|have] never been in love before.",
            "{hero} [writes|write] love letters to {other} and [hides|hide] them all behind {object}.",
            "One glance from {other} across the dance floor, and {hero} [is|are] hopelessly in love.",
            "{other} is passing through until {month}, which is long enough for {hero} to fall in love.",
            "Sent to return {object}, {hero} [meets|meet] {other}, and a shy romance begins with a misunderstanding.",
        ),
        (
            "A first kiss on {day} changes everything, and a letter in {month} changes it back.",
            "Neither family approves of the romance, and {other} has never learned to wait.",
            "The love letters go astray, and the wrong person reads them aloud on {day}.",
            "It takes {n} weeks of courtship, {object} and a good deal of blushing before anybody says it.",
            "But {other} is promised to somebody else, and a sweetheart cannot be kept secret for long.",
        ),
        genre="Romance",
        nouns=("Kiss", "Love Letter", "Sweetheart", "Dance", "Waltz", "Promise"),
    ),
    Value(
        "trial",
        (-0.2, 0.1, -1.0),
        0.0,
        (
            "{other} stands accused of murder, and the verdict hangs on what {hero} saw on {day}.",
            "Called for jury duty, {hero} [is|are] alone in believing that {other} is innocent.",
            "{hero} [goes|go] to court over {object}, and a small quarrel grows into the trial of the year.",
            "When {other} is charged with fraud, {hero} [takes|take] the witness stand against an old friend.",
            "A judge, {n} witnesses and sealed evidence: {hero} [has|have] until {day} to prove {their} innocence.",
            "The trial of {other} divides everyone {in_place}, and the only honest witness is {hero}.",
        ),
        (
            "The prosecutor has {object} in evidence, and the jury has already made up its mind.",
            "On the {nth} day of the trial a witness changes her story, and the courtroom falls silent.",
            "Outside the courtroom, {other} offers a bargain that no lawyer could put on paper.",
            "The jury is out for {n} days, and each of them costs somebody a friend.",
            "Under cross-examination {other} says one word too many, and the verdict is suddenly open.",
        ),
        genre="Drama",
        nouns=("Verdict", "Witness", "Jury", "Alibi", "Oath", "Testimony"),
    ),
    Value(
        "haunting",
        (-0.9, 0.3, 0.9),
        -0.05,
        (
            "Something walks overhead at night, and {other} swears that the ghost knows {hero} by name.",
            "A ghost has begun to move {object} from room to room, and only {hero} [sees|see] it happen.",
            "Every night at {n} a dead child's voice calls, and it is {hero} the ghost haunts.",
            "{hero} [does|do] not believe in ghosts until {other}, buried in {month}, knocks at the door.",
            "Under the floor {hero} [finds|find] {object}, and with it a restless spirit that will not be put back.",
            "They say that the place is haunted by {other}, and on {day} {hero} [hears|hear] the first footsteps.",
        ),
        (
            "The haunting grows bolder by the week, and the ghost leaves {object} where it can't be missed.",
            "A séance on {day} wakes more spirits than it lays to rest.",
            "Old burial records name {n} dead, but the ghost of {other} is not among them.",
            "The spirit wants something, and {other} has always known what it is.",
            "By {month} no candle will stay lit, and the dead outnumber the living at table.",
        ),
        genre="Horror",
        nouns=("Ghost", "Haunting", "Footstep", "Spirit", "Candle", "Shadow"),
    ),
    Value(
        "siege",
        (-0.5, 1.1, 0.1),
        0.0,
        (
            "Armed men surround {place} on {day}, and {hero} [has|have] to hold the gate with {n} defenders.",
            "Besieged together with {other}, {hero} [counts|count] the cartridges and [builds|build] a barricade.",
            "{other} leads the attackers, {hero} [leads|lead] the defence, and the siege lasts {n} days.",
            "When the enemy closes the only road, {hero} [takes|take] charge of a garrison of {n}.",
            "Nobody gets in or out once the siege begins, and {hero} [is|are] trapped inside with {other}.",
            "A barricade of furniture and {object} is all that stands between {hero} and the besiegers.",
        ),
        (
            "The defenders have food for {n} days, and {other} is quietly talking of surrender.",
            "Each night the attackers come a little closer to the barricade, and {other} knows their captain.",
            "A white flag goes up on {day}, but it is not the besiegers who want to talk.",
            "The walls hold; it is among the defenders that the first crack shows, and {other} widens it.",
            "Ammunition runs out before the water does, and the gate is held with {object} and bluff.",
        ),
        genre="War",
        nouns=("Siege", "Gate", "Barricade", "Garrison", "Rampart", "Drawbridge"),
    ),
    Value(
        "rivalry",
        (0.1, 0.4, -0.6),
        0.1,
        (
            "For {n} years {hero} and {other} have been rivals, and this year's contest will be the last.",
            "{other} wins everything, always, until {hero} [enters|enter] the championship on a dare.",
            "A wager over {object} turns {other} from a neighbour into a sworn rival of {hero}.",
            "There is one prize and there are two rivals: {other} has the talent, {hero} [has|have] the stubbornness.",
            "The contest is held once in {n} years, and {hero} [means|mean] to beat {other} at any price.",
            "{hero} [trains|train] in secret for the tournament that {other} has won {n} times running.",
        ),
        (
            "The rivals trade tricks, insults and finally {object}, and the prize begins to look small.",
            "On the eve of the championship {other} asks an unthinkable favour of the opposing side.",
            "After {n} rounds the contest is level, and the judges look at {other} and not at the score.",
            "Winning, it turns out, was the easy part of beating {other}.",
            "Their rivalry has ruined better people, and {other} keeps a list of every match lost.",
        ),
        genre="Sport",
        nouns=("Contest", "Rival", "Prize", "Champion", "Wager", "Tournament"),
    ),
    Value(
        "survival",
        (-0.6, 0.9, 0.3),
        0.05,
        (
            "After the crash {hero} and {other} have {n} matches, {object} and no radio to stay alive with.",
            "Stranded without food, {hero} [has|have] to survive {n} days until the rescue party can get through.",
            "An accident leaves {hero} stranded {n} miles from help, with {other} too badly hurt to walk.",
            "{other} cut the rope, and now {hero} [has|have] to survive on rainwater and {object}.",
            "The rescue was called off in {month}; {hero} [is|are] still alive, and still walking.",
            "Hunger comes first, then cold, then {other}: {hero} [learns|learn] what it takes to survive.",
        ),
        (
            "By the {nth} night the rations are gone, and {other} begins to talk of drawing lots.",
            "A rescue plane passes twice without seeing their fire, though {object} burns well enough.",
            "To stay alive {they} must trust {other}, who has every reason to lie about the rations.",
            "Thirst, frostbite and {other}'s fever leave little time for despair.",
            "Survival comes down to {object} and to who is willing to wait behind.",
        ),
        genre="Adventure",
        nouns=("Ration", "Rescue", "Ordeal", "Survivor", "Hunger", "Rope"),
    ),
    Value(
        "disappearance",
        (-0.5, 0.5, 0.0),
        0.15,
        (
            "When {other} vanishes without a trace, {hero} [starts|start] a search that nobody else wants.",
            "{other} went missing on {day}, leaving {object} and an unfinished letter to {hero}.",
            "A missing child, {n} clues and neighbours who remember nothing: {hero} [keeps|keep] asking.",
            "{hero} [comes|come] upon {object}, which belonged to {other}, missing for {n} years.",
            "Nobody reports it when {other} disappears, so {hero} [puts|put] up the missing posters alone.",
            "The mystery begins with a vanished guest, {object} and a clue that only {hero} can read.",
        ),
        (
            "Every clue to the missing {other} leads back to somebody who helped with the search.",
            "The trail goes cold in {month} and warms up again when {object} is found in the wrong place.",
            "Then a second person goes missing, and the search party starts to look at {other}.",
            "Whoever vanished on {day} did not mean to be found, and left clues to prove it.",
            "Piece by piece the mystery comes apart, and the last clue has {other}'s handwriting on it.",
        ),
        genre="Mystery",
        nouns=("Clue", "Vanishing", "Trace", "Search", "Riddle", "Absence"),
    ),
    Value(
        "revenge",
        (-1.1, 0.6, -0.1),
        -0.1,
        (
            "{other} ruined the family and forgot about it; {hero} [has|have] planned revenge for {n} years.",
            "An old grudge, a new knife: {hero} [swears|swear] vengeance on {other} over an open grave.",
            "{hero} [comes|come] to take revenge on {n} men, and {other} is the last name on the list.",
            "When {other} walks free, {hero} [decides|decide] that vengeance is the only justice left.",
            "The betrayal cost {hero} everything but {object}, and now {other} is going to pay.",
            "Under a false smile {hero} [befriends|befriend] {other}, and [waits|wait] for the hour of revenge.",
        ),
        (
            "But vengeance asks for more blood with every step, and {other} has a child.",
            "The list of enemies shrinks to {n}, and revenge tastes less sweet than promised.",
            "Somebody else bears {other} the same grudge, and got there first.",
            "By {month} the avenger and the betrayer are living under one roof, and {other} suspects nothing.",
            "Revenge comes within reach on {day}, and with it the truth about the old betrayal.",
        ),
        genre="Thriller",
        nouns=("Revenge", "Grudge", "Reckoning", "Knife", "Betrayal", "Vengeance"),
    ),
    Value(
        "homecoming",
        (0.9, -0.7, -0.5),
        0.1,
        (
            "After {n} years away, {hero} [comes|come] home to {their} father's house and a brother who won't speak.",
            "A telegram about {their} mother brings {hero} back to the childhood home {they} once fled.",
            "{hero} [returns|return] for {other}'s wedding and [finds|find] {their} childhood room let to a stranger.",
            "Coming home should be easy, but {other} has not forgiven {hero} for leaving {n} years ago.",
            "{hero} [moves|move] back in with {their} ageing parents, {object} under one arm and an apology unsaid.",
            "The family reunion on {day} is the first in {n} years, and {hero} [sits|sit] next to {other}.",
        ),
        (
            "Old friends have grown up or gone grey, and {other} still keeps {object} from their childhood.",
            "Between the reunion and the washing-up, a family quarrel of {n} years begins to thaw.",
            "The parents are older than they admit, and {other} has been looking after them alone.",
            "Somewhere between {day} and the end of {month}, a homecoming turns into staying.",
            "{their} mother remembers it all differently, and {other} has the photographs to prove it.",
        ),
        genre="Drama",
        nouns=("Homecoming", "Return", "Reunion", "Doorstep", "Threshold", "Brother"),
    ),
    Value(
        "inheritance",
        (0.3, -0.6, -0.3),
        0.0,
        (
            "{hero} [inherits|inherit] {object}, {n} debts and a house full of relatives from {other}.",
            "The will is read on {day}: everything goes to {hero}, provided that {other} agrees.",
            "A forgotten aunt leaves {hero} her fortune, and {other}, the other heir, a letter.",
            "{other} dies in {month}, and the heirs, {hero} among them, gather to fight over the estate.",
            "To claim the inheritance {hero} must live for {n} months under one roof with {other}.",
            "{hero} [is|are] named as the only heir of a stranger, and {other} contests the will.",
        ),
        (
            "In the attic lies a second will, and {other} is the only one who can read the hand.",
            "The estate is worth less than {object}, but by now the heirs are not speaking.",
            "Each of the {n} heirs has a key, and {other} has lost one on purpose.",
            "The fortune has a history, and {other}'s family would rather it stayed with the lawyers.",
            "What the dead woman bequeathed is a secret, and {other} has been living off it for {n} years.",
        ),
        genre="Drama",
        nouns=("Will", "Heir", "Estate", "Inheritance", "Fortune", "Attic"),
    ),
    Value(
        "uprising",
        (-0.1, 0.6, -0.7),
        -0.1,
        (
            "When wages are cut in {month}, {hero} [calls|call] the workers out on strike against {other}.",
            "{hero} [prints|print] the pamphlet that starts the uprising, and {other} signs it.",
            "A strike of {n} workers grows into a revolt, with {hero} at its head.",
            "The governor bans all meetings, and {hero} [hides|hide] the rebels' printing press behind {object}.",
            "{other} wants a strike, the young ones want a revolution, and {hero} [has|have] to choose by {day}.",
            "Bread runs short, the workers march on {day}, and {hero} [finds|find] {themselves} leading the rebels.",
        ),
        (
            "The strikers hold out for {n} weeks, until the governor makes {other} an offer.",
            "There is an informer among the rebels, and every meeting of the union ends at {other}'s door.",
            "The revolt wins its first demand and loses {other} in the same hour.",
            "Soldiers are sent against the strikers on {day}, and some of them are the strikers' sons.",
            "A revolution needs a martyr, say the pamphlets, and {other} looks the part.",
        ),
        genre="History",
        nouns=("Strike", "Uprising", "Pamphlet", "Rebel", "March", "Union"),
    ),
    Value(
        "masquerade",
        (0.5, 0.1, 0.5),
        0.1,
        (
            "Mistaken for {other}, {hero} [goes|go] along with it, and the disguise fits a little too well.",
            "{hero} [takes|take] a false name and {other}'s invitation, and [plays|play] the impostor for {n} days.",
            "A borrowed uniform, {object} and a false moustache: {hero} [is|are] an impostor by {day}.",
            "To get past {other}, {hero} [puts|put] on a disguise and [pretends|pretend] to be minor royalty.",
            "Hired to expose an impostor who passes for {other}, {hero} [takes|take] a liking to the fraud.",
            "It begins as a masked ball; by {month} {hero} [is|are] still living under the borrowed name of {other}.",
        ),
        (
            "The lie needs {n} more lies to stand up, and the real {other} is on the way.",
            "Everyone prefers the impostor to the genuine article, including {other}.",
            "Behind the mask nobody is who they claim, and {other} has the worst disguise of all.",
            "The deception holds until {day}, when two people turn up under the same false name.",
            "To drop the disguise would break {other}'s heart; to keep it up is against the law.",
        ),
        genre="Mystery",
        nouns=("Mask", "Disguise", "Impostor", "Masquerade", "Double", "Alias"),
    ),
)

TONES: tuple[Value, ...] = (
    Value(
        "tender",
        (1.2, -0.4, -0.3),
        0.1,
        (
            "it is a tender romance with a kind word for everyone",
            "{director} films faces with great tenderness",
            "the mood is gentle, and forgiveness comes easily",
            "there is romantic affection between the two leads",
            "small acts of kindness carry the story",
            "{actor} plays it gently, with a warm heart",
        ),
        ("tender", "gentle", "warm-hearted", "affectionate", "kindly"),
        genre="Romance",
    ),
    Value(
        "bleak",
        (-1.3, -0.2, 0.0),
        -0.15,
        (
            "it is a bleak drama that offers no comfort",
            "{director} shows cruelty without mercy",
            "hope is in short supply, and despair is not",
            "the mood is grim from the first death to the last",
            "{actor} plays it grimly, without a smile",
            "nobody is spared, and the ending is merciless",
        ),
        ("bleak", "grim", "merciless", "harsh", "despairing"),
        genre="Drama",
    ),
    Value(
        "comic",
        (0.9, 0.4, 0.0),
        0.25,
        (
            "it is a comedy, and gets its laughs",
            "{director} treats the whole thing as a farce",
            "the jokes come thick and fast",
            "{actor} has the comic timing of a born clown",
            "slapstick and dry wit take turns",
            "there is a funny line in every quarrel",
        ),
        ("comic", "funny", "farcical", "witty", "playful"),
        genre="Comedy",
    ),
    Value(
        "tense",
        (-0.5, 1.2, 0.0),
        0.1,
        (
            "the suspense tightens with every scene",
            "{director} builds the tension until it is hard to breathe",
            "it is a nail-biting thriller in which each minute counts",
            "scary danger waits behind every door",
            "{actor} plays it with clenched nerves",
            "the suspense never lets go",
        ),
        ("tense", "nerve-racking", "suspenseful", "breathless", "gripping"),
        genre="Thriller",
    ),
    Value(
        "dreamlike",
        (0.0, -0.8, 1.4),
        -0.1,
        (
            "it is a dreamlike fantasy that follows no logic but its own",
            "{director} lets dreams and waking run into each other",
            "images drift by as in a fever dream",
            "surreal visions interrupt the plot",
            "{actor} moves through it like a sleepwalker",
            "the mood is eerie, hypnotic and strange",
        ),
        ("dreamlike", "surreal", "hypnotic", "strange", "hallucinatory"),
        genre="Fantasy",
    ),
    Value(
        "rousing",
        (0.4, 1.2, 0.3),
        0.15,
        (
            "it is a rousing adventure of chases and last-minute escapes",
            "{director} stages the action with swagger",
            "swashbuckling courage carries the day",
            "the action hardly pauses, and the music soars",
            "{actor} leaps and swashbuckles with gusto",
            "daring escapes follow one upon another",
        ),
        ("rousing", "swashbuckling", "high-spirited", "daring", "spectacular"),
        genre="Action",
    ),
    Value(
        "wistful",
        (0.4, -1.2, -0.2),
        -0.05,
        (
            "it is a wistful film about time going by",
            "{director} lingers on what has been lost",
            "a quiet melancholy lies over everything",
            "memories matter more than events",
            "{actor} plays it with autumnal regret",
            "the mood is nostalgic, slow and a little sad",
        ),
        ("wistful", "melancholy", "nostalgic", "autumnal", "elegiac"),
        genre="Drama",
    ),
)

CRAFTS: tuple[Craft, ...] = (
    Craft(
        "masterly",
        0.7,
        0.14,
        "and",
        (
            "the script is superb",
            "every scene is flawless and not a frame is wasted",
            "{actor} gives a magnificent performance",
            "it is perfectly written and magnificently played",
            "{director} directs flawlessly, with wonderful patience",
            "the last ten minutes are unforgettable",
            "the beautiful photography is magnificent",
            "{paper} called it a masterpiece, and among the year's very best",
            "{actor} is superb, and the last scene is unforgettable",
            "it is a masterpiece, flawless in small things and superb, even brilliant, in large ones",
            "it is an unforgettable movie, wonderfully told",
        ),
    ),
    Craft(
        "good",
        0.35,
        0.25,
        "and",
        (
            "it is well acted and handsomely shot",
            "the dialogue is sharp and well observed",
            "{actor} is convincing in a demanding part",
            "{director} directs with an accomplished hand",
            "the plot is cleverly built and the ending satisfies",
            "the ending is clever and satisfying",
            "{paper} found it accomplished and well paced",
            "it is an excellent film with sharp dialogue",
            "the great cast is convincing, {actor} above all",
            "a clever script makes it an enjoyable hour",
        ),
    ),
    Craft(
        "mixed",
        0.0,
        0.28,
        "though",
        (
            "the result is uneven and the middle drags a little",
            "only about half of this uneven script works",
            "{actor} is adequate and no more",
            "the pace is uneven",
            "{director} directs competently, without surprises",
            "some scenes are predictable and others work",
            "{paper} thought it passable",
            "the script is serviceable, if predictable",
            "the finished movie is passable rather than memorable",
            "the ending is predictable, if competently done",
            "the acting is adequate and the camerawork serviceable",
        ),
    ),
    Craft(
        "weak",
        -0.4,
        0.2,
        "but",
        (
            "the third act is muddled",
            "the script is thin and the dialogue clumsy",
            "{actor} looks miscast in a poor part",
            "the muddled plot is boring, slow, far too long",
            "{director} is clumsy with crowds and worse with quarrels",
            "the plot creaks and the pacing sags",
            "{paper} complained of a muddled plot",
            "the pacing sags badly after the first hour",
            "it creaks, and loose ends are left dangling",
            "clumsy editing leaves loose ends",
        ),
    ),
    Craft(
        "poor",
        -0.8,
        0.13,
        "but",
        (
            "the script is dreadful",
            "the acting is wooden from start to finish, {actor} included",
            "it is a terrible, tedious movie",
            "{director} loses control, and the result is a shambles",
            "{paper} called it dreadful, boring stuff",
            "the botched ending is awful, a sheer waste",
            "lifeless, wooden dialogue kills every scene",
            "the editing is a shambles and the sound is dreadful",
            "{actor} is lifeless, dull and bad on camera",
            "the sets wobble, and the botched plot is a tedious mess",
        ),
    ),
)

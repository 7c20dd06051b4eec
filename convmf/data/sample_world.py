"""Where the invented films play, who is in them, and the filling that says nothing about a rating.

The notation of the wordings is explained in ``sample_phrases``.
"""

from __future__ import annotations

from convmf.data.sample_phrases import Value

SETTINGS: tuple[Value, ...] = (
    Value(
        "harbour",
        (0.2, 0.0, 0.0),
        0.1,
        (
            "in the harbour town of {base}",
            "on the quays of {base} Harbour",
            "among the fishing boats of Port {base}",
            "in the dockside taverns of {base}",
            "in a fishermen's cottage at {base} Bay",
        ),
        (
            "Fog sits on the harbour for {n} days, and the trawlers stay tied to the quay.",
            "On the docks, where every crate is counted twice, {object} turns up in a fishing net.",
            "The lighthouse is dark again, and on the quay the fishermen blame {object}.",
            "By {month} half the fishing fleet is at sea and the taverns on the quay are empty.",
            "A trawler comes in on {day} with no catch, only {object} on its deck.",
        ),
        nouns=("Harbour", "Quay", "Lighthouse", "Tide"),
        place="the harbour",
        in_place="in the harbour",
    ),
    Value(
        "space station",
        (-0.2, 0.3, 0.9),
        0.1,
        (
            "aboard the space station {base}",
            "on {base} Station, in orbit round a dead planet,",
            "on an ageing orbital station called {base}",
            "in the lower airlocks of {base} Station",
            "on the freight deck of {base} Station, far out in orbit,",
        ),
        (
            "The airlock cycles at {n} every night, though nobody in orbit is due out.",
            "Supplies come up from the planet once in {n} months, this time with {object} in the hold.",
            "Somewhere beyond the airlock, in zero gravity, {object} drifts past the window.",
            "The station's orbit is failing, by {n} metres a day, and the crew has stopped mentioning it.",
            "A cargo rocket docks on {day} with nobody in its cockpit.",
        ),
        genre="Science Fiction",
        nouns=("Orbit", "Airlock", "Station", "Star"),
        place="the station",
        in_place="on the station",
    ),
    Value(
        "mountain village",
        (0.3, -0.2, 0.1),
        0.05,
        (
            "in the mountain village of {base}",
            "high in the {base} Alps, in a village of {n} chimneys,",
            "below the {base} glacier, where the road ends,",
            "in a shepherds' village on the {base} pass",
            "in a mountain hut above {base}",
        ),
        (
            "Snow closes the pass on {day}, and the village is left to itself.",
            "Above the last hut the glacier gives up {object}, lost {n} winters ago.",
            "The shepherds come down from the mountain in {month} with a strange tale about {object}.",
            "An avalanche takes the bridge, and the valley below might as well be the moon; {object} goes with it.",
            "In the village every family owns {n} goats and an opinion.",
        ),
        nouns=("Pass", "Glacier", "Summit", "Shepherd"),
        place="the village",
        in_place="in the village",
    ),
    Value(
        "desert outpost",
        (-0.3, 0.4, 0.4),
        0.0,
        (
            "at the desert outpost of {base}",
            "in the {base} desert, {n} days from the nearest well,",
            "at a caravan stop among the {base} dunes",
            "at Fort {base}, where the desert begins,",
            "at a dried-up oasis called {base}",
        ),
        (
            "A sandstorm buries the well on {day}, and the camels will not drink.",
            "The caravan is {n} days late, and the dunes have moved across the road.",
            "Heat, flies and sand get into everything, {object} included.",
            "Out among the dunes a camel is found with {object} in its saddlebag.",
            "The oasis has water for {n} more weeks, and every caravan knows it.",
        ),
        nouns=("Dunes", "Oasis", "Caravan", "Sand"),
        place="the outpost",
        in_place="at the outpost",
    ),
    Value(
        "big city",
        (-0.2, 0.3, -0.5),
        0.05,
        (
            "in a crowded tenement in {base}",
            "in the back streets of the {base} metropolis",
            "on the night trams of {base} City",
            "above a neon-lit arcade in downtown {base}",
            "on the {nth} floor of the {base} skyscraper",
        ),
        (
            "The trams stop on {day}, and the whole city walks to work.",
            "Neon, traffic and {n} million strangers make it easy to hide {object}.",
            "In the tenement walls are thin, and by {month} everybody on the stairs knows.",
            "On the last tram of {day} somebody leaves {object} on a seat.",
            "Between skyscrapers the sky is {n} fingers wide.",
        ),
        nouns=("Tram", "Boulevard", "Skyline", "Arcade"),
        place="the city",
        in_place="in the city",
    ),
    Value(
        "island",
        (0.2, 0.1, 0.5),
        0.1,
        (
            "on the island of {base}",
            "on {base} Island, where the ferry calls once in {n} weeks,",
            "on a coral island {n} miles off {base}",
            "in the last house on the {base} islands",
            "in a palm hut on {base} Island",
        ),
        (
            "The ferry does not come on {day}, nor on the day after.",
            "The islanders keep {object} in the chapel and never say why.",
            "At low tide the reef shows {object} and the ribs of an old wreck.",
            "A storm takes {n} palms and the only jetty on the island.",
            "In {month} turtles come up the beach, and the islanders stay indoors.",
        ),
        nouns=("Island", "Reef", "Ferry", "Lagoon"),
        place="the island",
        in_place="on the island",
    ),
    Value(
        "farmland",
        (0.4, -0.3, -0.6),
        0.0,
        (
            "on a wheat farm outside {base}",
            "on a dairy farm in the {base} valley",
            "in the orchards of {base}",
            "on {n} acres of stony fields near {base}",
            "in a farmhouse on the {base} plain",
        ),
        (
            "The harvest has to be in by {day}, and the barn roof is still open.",
            "A plough turns up {object} in a field nobody has sown for {n} years.",
            "In {month} the cows break out and the orchard stands under water.",
            "The harvest fails for the {nth} time, and the barn is put up for sale.",
            "Between milking and haymaking there is little time to think of {object}.",
        ),
        nouns=("Harvest", "Orchard", "Barn", "Meadow"),
        place="the valley",
        in_place="in the valley",
    ),
    Value(
        "polar base",
        (-0.5, 0.5, 0.5),
        0.0,
        (
            "at the polar base of Camp {base}",
            "on the {base} ice shelf, in the months without sun,",
            "at an Arctic weather station near Cape {base}",
            "at a research hut on the {base} icefield",
            "in the frozen camp at {base} Sound",
        ),
        (
            "The polar night has {n} weeks to run, and the sledge dogs are restless.",
            "A blizzard snaps the aerial on {day}, and the ice begins to groan.",
            "Something dark shows under the ice: {object}, say the instruments.",
            "The huskies come back on {day}, dragging a sledge with {object} tied to it.",
            "At forty below, {object} shatters like glass.",
        ),
        nouns=("Ice", "Sledge", "Blizzard", "Aurora"),
        place="the camp",
        in_place="at the camp",
    ),
    Value(
        "grand hotel",
        (0.4, -0.2, 0.1),
        0.15,
        (
            "at the Grand Hotel {base}",
            "on the {nth} floor of the Hotel {base}",
            "in the faded lobby of the {base} Palace Hotel",
            "at a spa hotel in {base}, out of season,",
            "in the staff quarters of the Hotel {base}",
        ),
        (
            "The lift sticks between floors on {day}, with {object} and {n} guests inside.",
            "The porter finds {object} in a room that was never let.",
            "In {month} the hotel has more chambermaids than guests.",
            "Every guest signs the register, and on {day} somebody tears out the page.",
            "The bellboy delivers {object} to the wrong suite, and the lobby talks of nothing else.",
        ),
        nouns=("Hotel", "Suite", "Lobby", "Porter"),
        place="the hotel",
        in_place="at the hotel",
    ),
    Value(
        "boarding school",
        (0.4, 0.0, -0.3),
        0.05,
        (
            "at {base} boarding school",
            "in the draughty dormitories of {base} College",
            "at St {base}'s, a school with {n} pupils and no heating,",
            "in the library of the {base} Academy for orphans",
            "at a boarding school on {base} Hill",
        ),
        (
            "Lessons are cancelled on {day}, and the pupils find {object} in the dormitory.",
            "The headmistress has locked {object} in her study and will not discuss it.",
            "In the classroom somebody has written {n} names on the blackboard.",
            "The school bell rings at {n}, and the dormitories are empty.",
            "Half the pupils have gone home by {month}, and the headmaster counts {object} among the losses.",
        ),
        nouns=("School", "Dormitory", "Lessons", "Blackboard"),
        place="the school",
        in_place="at the school",
    ),
    Value(
        "walled town",
        (0.0, 0.3, 0.4),
        0.05,
        (
            "in the walled medieval town of {base}",
            "in the castle of {base}, in a plague year,",
            "in the guild halls of medieval {base}",
            "in the cathedral quarter of {base}, when kings still ruled,",
            "at the court of the old Duke of {base}",
        ),
        (
            "The Duke has banned {object} on pain of the dungeon.",
            "Bells ring from the cathedral on {day}, and the guilds shut their doors.",
            "A plague cart leaves by the north gate with {object} under its straw.",
            "The castle dungeon holds {n} prisoners, one of them by mistake.",
            "In {month} a travelling knight sells {object} to the Duke for more than a horse.",
        ),
        nouns=("Castle", "Cathedral", "Duke", "Tower"),
        place="the town",
        in_place="in the town",
    ),
    Value(
        "mining town",
        (-0.3, 0.1, -0.6),
        -0.05,
        (
            "in the coal-mining town of {base}",
            "in the miners' barracks above the {base} pit",
            "in a row of miners' houses in {base}",
            "at the copper mines of {base} Ridge",
            "in the soot of the {base} colliery",
        ),
        (
            "The pit siren sounds on {day}, and the whole street comes out to count the miners.",
            "Down in the shaft a lamp goes out, and {object} is found beside it.",
            "Coal dust settles on washing, bread and {object} alike.",
            "The seam will be worked out by {month}, and every miner knows it.",
            "The cage brings up {n} miners and {object} from the night shift.",
        ),
        nouns=("Pit", "Coal", "Seam", "Shaft"),
        place="the colliery",
        in_place="at the colliery",
    ),
)

PEOPLE: tuple[Value, ...] = (
    Value(
        "widow",
        (0.2, -0.3, 0.0),
        0.05,
        (
            "the young widow {hero}",
            "{hero}, a widow of {n} winters,",
            "{hero}, widowed before her hair turned grey,",
            "the lately widowed {hero}",
        ),
        (
            "Since the funeral {hero} has laid her late husband's place at table, with {object} beside the plate.",
            "A widow is supposed to sit still; {hero} sells {object} and buys a pair of boots.",
            "Among her late husband's things {hero} finds {object}, and cannot bring herself to part with it.",
            "{hero} wore mourning black for {n} years, and her husband's coat for longer.",
        ),
        cast="f",
    ),
    Value(
        "detective",
        (-0.3, 0.4, -0.2),
        0.1,
        (
            "Inspector {hero}",
            "the private detective {hero}",
            "{hero}, a police detective on sick leave,",
            "{hero}, a sleuth with {n} unsolved cases,",
        ),
        (
            "As a detective {hero} solved {n} cases and lost a marriage to each of the last two.",
            "A police badge opens few doors here, and {hero} has mislaid {their} own.",
            "{hero} has been an inspector for {n} years and trusts nobody, least of all witnesses with {object}.",
            "Retirement from the police is due in {month}, and {hero} has counted the days.",
        ),
        cast="fm",
    ),
    Value(
        "twins",
        (0.4, 0.1, 0.4),
        0.1,
        (
            "the twins {hero}",
            "{hero}, identical twins,",
            "{hero}, twins who have not spoken for {n} years,",
            "the quarrelsome twins {hero}",
        ),
        (
            "Being twins, {hero} share everything, from {object} to the same recurring cold.",
            "Not even their mother could tell the twins apart, and {hero} made use of it for {n} years.",
            "One of the twins lies and the other believes it; with {hero} it is never clear which is which.",
            "Born {n} minutes apart, the twins {hero} have not agreed on anything since.",
        ),
        cast="p",
    ),
    Value(
        "old soldier",
        (-0.3, 0.5, -0.2),
        0.0,
        (
            "{hero}, a soldier {n} years out of uniform,",
            "the old soldier {hero}",
            "Sergeant {hero}, back from a lost war,",
            "the army veteran {hero}",
        ),
        (
            "From the war {hero} brought back a limp, {object} and a sergeant's voice.",
            "{hero} has not touched a rifle for {n} years and still sleeps like a sentry.",
            "The regiment is gone, and {hero} keeps its last medal with {object} in a biscuit tin.",
            "A veteran of {n} campaigns, {hero} is afraid only of brass bands.",
        ),
        cast="fm",
    ),
    Value(
        "doctor",
        (0.1, 0.0, -0.4),
        0.0,
        (
            "Dr {hero}",
            "the country doctor {hero}",
            "{hero}, a surgeon who has lost {their} nerve,",
            "{hero}, a physician with {n} patients and unpaid bills,",
        ),
        (
            "{hero} once operated for {n} hours without a break, and has not held a scalpel since.",
            "The patients pay in eggs, in firewood and once, on {day}, with {object}.",
            "A doctor hears every secret, and {hero} has kept {n} too many.",
            "In the surgery cupboard, between the iodine and the bandages, {hero} keeps {object}.",
        ),
        cast="fm",
    ),
    Value(
        "musician",
        (0.4, -0.5, 0.3),
        0.05,
        (
            "the cellist {hero}",
            "{hero}, a pianist with {n} unpaid debts,",
            "{hero}, who plays the violin at other people's weddings,",
            "the unemployed musician {hero}",
        ),
        (
            "{hero} once played for {n} encores, and now gives piano lessons in exchange for {object}.",
            "The violin was pawned in {month}, along with {object}, but {hero} still practises in the air.",
            "There is an unfinished sonata in the luggage, and {hero} hums it whenever {object} is mentioned.",
            "As a musician {hero} hears a lie as other people hear a wrong note.",
        ),
        genre="Music",
        cast="fm",
    ),
    Value(
        "cook",
        (0.6, -0.1, -0.3),
        0.1,
        (
            "the cook {hero}",
            "{hero}, a pastry chef out of work,",
            "{hero}, who runs a kitchen with {n} pans,",
            "{hero}, once a celebrated chef,",
        ),
        (
            "In the kitchen {hero} takes orders from nobody, and seasons the soup with {object} in plain view.",
            "{hero} can cook for forty out of {n} onions, and often has to.",
            "The recipes are written on the back of {object}, and {hero} guards them like a bank.",
            "There is nothing that a good broth can't mend, says {hero}, and the kitchen is lit until {n} every night.",
        ),
        cast="fm",
    ),
    Value(
        "runaway",
        (0.2, 0.4, 0.4),
        0.05,
        (
            "{hero}, a runaway of {teen},",
            "the teenage runaway {hero}",
            "{hero}, {teen} years old and far from the orphanage,",
            "{hero}, a girl of {teen} with a stolen bicycle,",
        ),
        (
            "{hero} ran away with {object} in her satchel, and tells everybody a different age.",
            "At {teen} a girl can sleep anywhere, and {hero} has tried {n} barns and a bandstand.",
            "Nobody from the orphanage has come looking, and after {n} weeks {hero} stops hiding.",
            "The runaway keeps a diary, and on {day} {hero} writes only a single word.",
        ),
        cast="f",
        young=True,
    ),
    Value(
        "priest",
        (-0.1, -0.4, 0.3),
        -0.05,
        (
            "Father {hero}",
            "the young priest {hero}",
            "{hero}, a monk who has broken {their} vows,",
            "{hero}, a parish priest with {n} parishioners,",
        ),
        (
            "On {day} {hero} preaches to {n} empty pews, and means every word.",
            "In the confessional {hero} hears of {object}, and cannot speak of it.",
            "His faith left him in {month}, but {hero} has told neither bishop nor parish.",
            "{hero} prays for a sign and is sent {object}.",
        ),
        cast="m",
    ),
    Value(
        "engineer",
        (0.0, 0.3, 0.3),
        0.0,
        (
            "the engineer {hero}",
            "{hero}, an inventor with {n} failed patents,",
            "the clockmaker {hero}",
            "{hero}, who repairs engines for a living,",
        ),
        (
            "{hero} can mend any engine, and has built one out of {object} and a mangle.",
            "In the workshop stands an invention of {n} cogwheels, and only {hero} thinks it will run.",
            "An engineer believes in what can be measured, and {hero} has measured {object} twice.",
            "The clocks {hero} built all run {n} minutes slow, and nobody has dared to complain.",
        ),
        cast="fm",
    ),
)

WOMEN = (
    "Ada Agnes Alma Berta Bridie Carlotta Celia Clara Dagny Delia Edda Effie Elsa Esme Fenna Frida Greta Hedda "
    "Hilde Ida Ines Iona Josefa Judith Katya Lena Lotte Lucia Mabel Maren Marta Minna Nadia Nell Odile Olga Petra "
    "Pia Rosa Ruth Sanna Selma Tessa Thea Tilda Ursula Vera Wanda Yvette Zora"
).split()
MEN = (
    "Abel Albin Anton Arno Bastian Bram Casper Conrad Dario Edgar Emil Ernst Felix Floris Gideon Gustav Hannes "
    "Hector Igor Ivo Jasper Joris Kaspar Klaus Leon Linus Lorenz Magnus Marek Matteo Milo Ned Nils Oskar Otto Pavel "
    "Piet Quentin Rafe Roland Rufus Silas Stellan Tobias Ulrich Valentin Viktor Walter Willem Yuri"
).split()
SURNAMES = (
    "Abelard Amsel Ashdown Barlow Bellweather Birk Bramble Brandvold Calloway Castell Corrigan Dahlgren Darrow "
    "Dempster Drummel Eckhart Elverson Fairley Fenwick Feraud Galt Garrow Grell Halloran Hartnell Hask Holloway "
    "Imhof Jarrow Kessler Kittredge Lachlan Lindqvist Lomax Marchetti Marlow Morrow Nordgren Oakley Orsini Ostrander "
    "Pellew Pettibone Quill Quist Radley Renner Rook Sandoval Selwyn Sorrel Strand Tallis Thorne Tully Underhill "
    "Valdane Vance Verhoeven Wexler Whitlock Wickham Yarrow Zeller"
).split()
BASES = (
    "Aldersey Ambrose Arden Belmar Bexley Brannick Callow Carrick Corvin Dunmere Eastmere Elsin Falkry Fenmoor "
    "Galloch Garran Hallam Harrowby Hollin Ingram Isker Kelm Kessel Lannoch Larkmoor Lorne Marren Mellin Merrow "
    "Norrick Oldwick Orrin Ostra Pellin Pendry Quarren Ravell Rennick Saltmere Sarn Selkirrow Tarrant Tamber Tarrow "
    "Thornby Ullin Vardle Vellmar Wendle Westering Wyndle Yarrick Zarn Zellin"
).split()
OBJECTS = (
    "a brass compass|a tin of buttons|a cracked teapot|a red umbrella|a stuffed heron|a music box|a broken watch|"
    "a glass eye|a bundle of postcards|a wooden horse|a silver thimble|a birdcage|a jar of marbles|a torn flag|"
    "a ship in a bottle|a left-handed glove|an accordion|an oil lamp|an ivory comb|an empty picture frame|"
    "a sewing machine|a rusty key|a pair of opera glasses|a porcelain dog|a bag of chestnuts|a paper crown|"
    "a wedding dress|a typewriter|a chess set|a crate of oranges|a grandfather clock|a photograph album|"
    "a walking stick|a copper kettle|an old gramophone|a stamp collection|a portrait of an admiral|a barometer|"
    "a carpet bag|a prayer book|a box of fireworks|a bicycle pump|a snow globe|a marble bust|an ostrich feather"
).split("|")
DAYS = (
    "Midsummer Eve|New Year's Eve|All Souls' Day|market day|Palm Sunday|Shrove Tuesday|the shortest day|payday|"
    "the first Sunday of {month}|the last Friday of {month}|the night of the full moon|the day of the fair|"
    "a rainy Monday|a Thursday in {month}|St John's Day|the eve of the carnival|election day|Twelfth Night"
).split("|")
MONTHS = ("January February March April May June July August September October November December").split()
NUMBERS = "three four five six seven eight nine ten eleven twelve".split()
ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
TEENS = "thirteen fourteen fifteen sixteen".split()
PAPERS = ("Courier Gazette Herald Observer Mercury Chronicle Argus Post Examiner Telegraph").split()

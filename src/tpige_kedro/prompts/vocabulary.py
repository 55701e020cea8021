"""Word lists behind the rules on prompts: who is a person, what is worn, what hides a face. Lower case, English."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PEOPLE = _words(
    """
    person man woman guy gentleman lady boy girl teen teenager adult figure someone somebody baby toddler
    child kid infant mother father mom mum dad grandmother grandfather grandma grandpa son daughter brother
    sister husband wife bride groom friend neighbor neighbour individual stranger protagonist hero heroine character
    subject villager actor actress artist athlete astronaut cosmonaut author bartender barista baker barber
    beekeeper biker blacksmith boxer builder businessman businesswoman butcher carpenter cashier chef cleaner
    clown coach comedian commuter cook cop cowboy cowgirl craftsman cyclist dancer dentist detective diver
    doctor drummer driver electrician emperor empress engineer executive explorer farmer firefighter fireman
    fisherman florist gardener gladiator golfer guard guitarist gymnast hairdresser hiker host hunter inventor
    janitor jockey journalist judge juggler king knight lawyer lecturer librarian lifeguard magician maid
    manager mechanic mermaid merchant miner model monk mountaineer musician ninja nun nurse officer painter
    paramedic passenger photographer pianist pilot pirate player plumber poet policeman policewoman politician
    postman potter presenter president priest prince princess professor programmer protester queen ranger
    referee reporter rider runner sailor samurai sculptor scientist seamstress server sheriff singer
    skateboarder skater skier snowboarder soldier speaker student superhero surfer surgeon swimmer swordsman
    tailor teacher technician tourist trainer traveler traveller vendor veterinarian viking violinist waiter
    waitress warrior welder witch wizard worker writer youth zookeeper hairstylist makeup-artist monarch
    archer archaeologist architect assistant biologist bricklayer captain ceo chemist clerk conductor courier
    curator designer developer director firewoman fighter goalkeeper graduate instructor interviewer
    investigator lumberjack mayor nanny nobleman noblewoman operator performer pharmacist physician physicist
    pedestrian pupil racer rapper rancher receptionist researcher secretary shepherd shopkeeper spy streamer
    striker sorcerer sorceress therapist trucker vlogger watchmaker weaver yogi fencer climber jogger kayaker
    rower paraglider skydiver apprentice dj
    """
)
"""Singular nouns that name a person."""

GROUPS = _words(
    """
    people men women guys gentlemen ladies boys girls teens teenagers adults humans kids children friends
    couple dancers workers students soldiers players tourists runners musicians chefs doctors nurses
    astronauts firefighters knights singers farmers scientists actors athletes cowboys kings welders engineers
    """
)
"""Nouns that name several people."""

NEED_DETERMINER = _words(
    "cook guard host judge model coach guide pilot figure subject character youth captain ranger spy"
)
"""Person nouns that are also verbs or things: they count only behind a determiner ("a cook", never "they cook")."""

PERSON_ENDINGS = (
    "woman",
    "person",
    "fighter",
    "keeper",
    "player",
    "rider",
    "dancer",
    "worker",
    "driver",
    "maker",
    "singer",
)
AGENT_ENDINGS = ("er", "or", "ist", "ian", "man", "eur", "ess", "ant")
NOT_PEOPLE = _words(
    """
    river flower tower water computer paper letter weather summer winter number corner counter door floor
    mirror color colour flavor harbor order shoulder finger dinner butter leather silver feather ladder poster
    monster spider tiger helicopter scooter skyscraper theater theatre shower power center layer cover border
    other another under over after whether never ever super later inner outer upper lower former together
    either neither poor minor major interior exterior motor tractor elevator sensor error terror horror vapor
    mountain fountain snowman roman german ottoman talisman caiman elephant plant restaurant giant instant
    constant distant elegant important pleasant vibrant brilliant fragrant radiant mist list twist fist wrist
    asian italian russian indian canadian brazilian egyptian victorian guardian civilian dress business
    happiness darkness wilderness fitness process press chess stillness glass grass cross mess less timer
    trailer container printer quarter meter liter filter banner hammer rubber cheer deer beer tier pier
    chapter thunder wonder lantern saber laser camera
    """
)
"""Words with the ending of an agent that are none."""

DETERMINERS = _words("a an the this that one another some each every my your his her its our their")
PREPOSITIONS = _words(
    """
    in on at by with under over above below behind before after beside beneath between near inside outside
    across against along among around through throughout during from to into onto upon within without amid
    amidst toward towards next atop
    """
)
SUBORDINATORS = _words("as while when whenever once since because although though if until where")
BOUNDARIES = (
    PREPOSITIONS
    | SUBORDINATORS
    | _words(
        "of and or but is are was were be has have had shows showing features featuring follows depicting then"
    )
)
"""Words that end a noun phrase."""
NAMING = _words("named called")

CLOTHING = _words(
    """
    shirt t-shirt tshirt sweatshirt jersey raincoat overcoat tracksuit sportswear blouse sweater jumper hoodie jacket coat blazer suit tuxedo vest dress gown skirt
    pants trousers jeans shorts leggings uniform apron robe cloak cape kimono sari scrubs armor armour
    spacesuit wetsuit swimsuit swimwear bikini overalls jumpsuit outfit clothes clothing costume attire
    garment tie bowtie necktie collar sleeve sleeves turtleneck cardigan tunic toga boots shoes sneakers
    sandals heels socks gloves belt
    """
)
ACCESSORIES = _words(
    """
    hat cap beanie helmet crown tiara hood headband headscarf scarf hijab turban veil bandana bonnet earring
    earrings necklace bracelet ring watch brooch pendant jewelry jewellery piercing sunglasses goggles visor
    mask headphones earbuds microphone bag backpack purse handbag umbrella
    """
)
SURROUNDINGS = _words(
    """
    background backdrop room office wall street beach studio kitchen forest garden park city sky mountains sea ocean
    window curtain building indoors outdoors indoor outdoor scenery landscape
    """
)
NOT_FACIAL = CLOTHING | ACCESSORIES | SURROUNDINGS
"""What people wear and what is around them. Glasses are a trait of a face here; sunglasses, which hide it, are not."""

EXPRESSIONS = _words(
    """
    expression expressions expressionless neutral smile smiles smiling grin grins grinning frown frowns frowning gaze gazes
    gazing stare staring stern laughing crying pensive serene cheerful angry mood
    """
)
"""What passes. Written into a prompt it freezes the face for the whole clip."""

CHATTER = _words(
    "caption revised here sure certainly sorry cannot unable assistant instruction note"
)
"""Words by which a model speaks about its task."""

THINGS_OF_PEOPLE = NOT_FACIAL | _words(
    "shop school station team crew chair house statue doll figurine puppet costume car truck bed size penguin train hand hands face eye eyes body"
)
"""Behind a person noun these make a compound that names a thing: "a chef hat", "a barber shop"."""

OCCLUDERS = _words(
    """
    mask masks facemask gasmask visor visors sunglasses goggles veil veils niqab balaclava bandana respirator
    snorkel faceplate face-shield blindfold helm helmet helmets
    """
)
"""What hides a face; "open", "raised", "transparent" … before or after the word make it harmless."""

OPENERS = _words("open opened raised lifted removed transparent clear no without")

MASCULINE = _words(
    "he him his himself man boy guy gentleman male father dad son brother husband grandfather grandpa"
)
FEMININE = _words(
    "she her hers herself woman girl lady female mother mom mum daughter sister wife grandmother grandma"
)
"""Words that say a gender. Roles ("king", "cowboy") do not: anyone may play them."""

HAIR_COLOURS = _words(
    "black brown brunette blond blonde red ginger auburn gray grey white silver golden pink blue green purple"
)
SAME_COLOUR = {
    "blonde": "blond",
    "golden": "blond",
    "brunette": "brown",
    "grey": "gray",
    "silver": "gray",
    "ginger": "red",
    "auburn": "red",
}
HAIR_SHAPES = _words("braid braids ponytail bun bob afro dreadlocks curls bangs fringe")
"""Words for hair worn in a shape, without the word hair."""

FIRST_AND_SECOND_PERSON = _words("i me my mine we us our ours you your yours")
META = _words(
    """
    camera zoom zooms zooming pan pans panning shot close-up closeup video clip footage cinematic cinematography render
    rendered prompt frame frames fps 4k 8k hd uhd masterpiece bokeh hashtag lens
    """
)
"""Talk about the picture instead of the person."""

WORN_OR_HAIR = (
    CLOTHING | ACCESSORIES | HAIR_SHAPES | {"hair", "beard", "mustache", "moustache", "glasses"}
)
"""Attire and hair cues that a redrawn reference may keep."""

SMALL = DETERMINERS | _words(
    """
    is are and or with in on of at by to for from as who whose while has have wearing dressed wears clad it both face visible
    fully portrait photo picture person he she they him them his her their
    """
)
"""Words that a sentence of its own may need beside those of the prompt."""

"""Word lists behind the rules on prompts: what is worn, what hides a face. Lower case, English."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


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

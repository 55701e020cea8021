"""Evidence on people for the rules of :mod:`.subject`: a short list of general nouns, endings of words for people, what only people do.

Occupations are not listed: the rules find them by their place in the sentence and by their endings.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GENERAL = _words(
    """
    person man woman guy gentleman lady boy girl lad lass teen teenager adult youth someone somebody anyone anybody baby toddler
    child kid infant individual stranger human mother father mom mum mommy mummy dad daddy parent grandmother grandfather grandma
    grandpa granny grandparent son daughter brother sister sibling twin husband wife spouse bride groom fiancé fiancée widow widower
    aunt auntie uncle nephew niece cousin friend neighbor neighbour boyfriend girlfriend partner hero heroine protagonist king queen
    prince princess lord knight monk nun nurse chef cook thief guest pal mate fellow driver rapper bloke chap dude
    """
)
"""Nouns for people of any occupation, family, and a few short words without an ending that says so."""

INDEFINITE = _words("someone somebody anyone anybody")

PARTITIVES = _words(
    "one member pair couple group crowd team crew band row line bunch handful gang circle trio duo dozen"
)
""" "one of the dancers", "a group of friends": the person stands behind *of*."""

DEVICES = _words(
    """
    adder attractor blocker browser calculator carrier changer choker clapper conveyor conveyer cracker cultivator cutter decoder
    digger ejector excavator fastener hanger harvester jumper mailer monitor pacifier printer prompter pruner putter receiver recorder
    remover riser scrambler seasoner server sewer shaker skimmer slicker snuffer sorter spinner sprayer starter stringer suppressor
    tender tier tracer transmitter tuner tumbler voucher washer winder wiper speaker sleeper
    """
)
"""People or things: only what people do, wear and own tells."""

COLLECTIVES = _words("people couple friends family everyone everybody folks trio duo")
PLURALS = _words("people men women children gentlemen ladies guys boys girls kids folks")

EITHER = _words(
    "model figure character subject lead star double extra captain driver host guide judge coach pilot guard ranger cleaner "
    "sweep orderly major general private principal chief catcher pitcher center centre setter tenor bass soprano alto trapper pointer"
)
"""Roles that are things or verbs as often: they need evidence."""

NOT_PEOPLE = _words(
    "lawnmower screensaver smoothie latte cappuccino espresso podcast tiger whale viewer unicorn dragon monster dinosaur android cyborg alien creature snowman scarecrow statue drone hovercraft spaceship steadicam "
    "macro bokeh anime cgi flythrough toaster calculator conveyor browser trailer transmitter wiper hanger fastener washer divider "
    "gimbal dolly camera viewfinder gopro webcam smartphone laptop tablet skyline hyperlapse timelapse emoji selfie"
)
"""No people, although WordNet or their endings say so, or WordNet is older than the word."""

ENDINGS = (
    "man", "woman", "person", "boy", "girl", "lady", "maid", "smith", "wright", "keeper", "maker", "monger", "herd", "herder", "player",
    "rider", "fighter", "dancer", "worker", "singer", "hunter", "naut", "folk", "mother", "father", "sister", "brother", "daughter",
    "son", "child", "chef", "cook", "nurse", "king", "queen", "driver", "hand",
)  # fmt: skip
"""Second parts of words for people."""

AGENT_ENDINGS = ("er", "or", "ist", "ian", "eer", "eur", "euse", "ier", "ster", "ologue", "yst")
"""Endings of words for people who do something."""

ABSTRACT_ENDINGS = (
    "ness", "tion", "sion", "ment", "ism", "hood", "dom", "ing", "ium", "osis", "logy", "graphy", "scape", "phone", "scope", "meter",
    "craft",
)  # fmt: skip

ADJECTIVES = _words(
    """
    elderly young middle-aged teenage aged tired weary bored cheerful grumpy bearded barefoot barefooted shirtless bald balding
    grizzled lanky burly stocky smiling grinning laughing frowning sleepy shy brave proud nervous anxious confident angry lonely lone
    cloaked robed caped homeless pregnant blindfolded retired wounded injured masked hooded veiled tattooed freckled wrinkled frail plump muscular drunk drunken
    dozing exhausted excited embarrassed jealous heartbroken thoughtful determined female male blonde blond brunette redheaded
    wannabe amateur professional celebrity fellow
    """
)
"""Adjectives that seldom describe anything else."""
ADJECTIVE_ENDINGS = (
    "-haired", "-eyed", "-bearded", "-skinned", "-faced", "-legged", "-armed", "-handed", "-year-old", "-minded", "-hearted", "-spoken",
    "-dressed", "-mannered", "-cheeked", "-shouldered",
)  # fmt: skip

VERBS = _words(
    """
    smile grin laugh giggle chuckle frown scowl smirk wink nod shrug blush sob weep cry wave salute bow curtsy kneel crouch sit stand
    walk stroll jog sing hum whistle shout yell whisper mutter speak talk tell say ask answer reply announce explain argue joke pray
    chant recite write type sign read draw paint sketch sculpt carve knit sew stitch weave embroider cook bake knead stir chop fry
    grill pour sip dance waltz juggle perform rehearse conduct strum play teach lecture study think ponder remember wonder
    forget hope decide celebrate applaud clap cheer toast hug kiss embrace gesture tip lean shout scream reach stare look gaze peer watch listen wait point thumb adjust button unbutton zip wear dress
    undress shave comb polish scrub sweep mop iron fold unfold wrap unwrap pack unpack stack hammer weld solder saw sharpen sand
    nail screw repair fix mend tinker build plant harvest rake water prune arrange tie untie knot lace throw toss hurl dribble tackle
    serve deliver dunk putt score fence box punch aim shoot fire drive steer pedal row paddle sail ski skate surf somersault
    cartwheel open close lift carry hold grab juggle balance count measure inspect examine check scan photograph film record dial
    text phone call present pose model hand greet thank apologize apologise scold lead guide host welcome introduce interview
    sprint tumble wipe wash rinse peel slice season taste pluck shuffle deal bet vote preach bless marry propose
    """
)
"""What people do. Some of it animals and machines do too: it is evidence, no proof."""

MACHINE_VERBS = _words(
    """
    jam hum beep flicker spin rotate whir whirr buzz ring drip glow boot print start rattle rumble crash float drift hover burn melt
    leak sparkle shine tick click clank hiss sputter stall glide gleam glitter blink flash fade collapse pop smoke topple explode creak squeak
    """
)
"""What machines and things do by themselves: no evidence for a person."""

PERCEPTION = _words(
    "see sees watch watches watching hear hears let lets make makes help helps as seeing hearing seen"
)
"""Behind these a verb may stand in its base form: "we see a dancer spin"."""

PICTURES = _words(
    """
    shot shots close-up closeup portrait photo photograph picture image footage video clip film scene view still selfie animation
    depiction profile vlog pov montage sketch painting push-in zoom glimpse recording reel headshot timelapse time-lapse motion
    """
)
""" "A shot of …", "a portrait of …": what the prompt is about comes next."""

TITLES = _words(
    "dr mr mrs ms mx miss master agent prof st sgt capt lt col gen rev sir madam doctor professor captain sergeant king queen prince princess "
    "grandma grandpa granny aunt auntie uncle chef president pope father mother sister brother lady lord officer detective coach"
)
"""Words before a name."""

GIVEN_NAMES = _words(
    """
    rose grace mark will frank jack bill bob joy lily daisy ruby iris jade amber violet ivy olive hazel pearl robin jay ray drew pat
    chase hunter mason carter taylor cooper parker paris florence victoria sydney charlotte madison jordan chelsea dakota georgia
    virginia carolina austin dallas luna nova angel stella gene dean rob sue gloria holly sandy skip victor miles glen reed heath
    faith hope april june basil jasmine rosemary heather poppy ginger sage rowan flora sierra savannah dale cliff lance dash rocky
    buck colt duke earl rex rich guy josh billy molly sally kitty jenny peg dolly tommy teddy bobby johnny dick harry woody randy
    sonny jimmy nick don ken christian pip kit kat ash dot fern briar wren raven birdie mo nan nana marina tess
    """
)
"""Given names that are ordinary words or places too."""
PLAIN_NAMES = _words(
    "sam maria rosa max leo bella carol penny anna tom ben dan tim jim joe kim lee amy eve ann peter"
)
"""Given names that the table of words takes for something else, and that seldom are."""

HANDS = _words("ranch farm stable deck field factory stage dock hired")
""" "a ranch hand" is a person, a hand is none."""

SUBJECT_PRONOUNS = _words("he she they")
OBJECT_PRONOUNS = _words("him her them")
CONTRACTIONS = _words("he's she's they're he'd she'd they'd he'll she'll they'll they've")

ADVERBS = _words(
    """
    then now still never always often just also again once twice almost suddenly away back forward forwards backward backwards up
    down out off alone together outside inside upstairs downstairs backstage onstage midair mid-air there here everywhere nearby
    instead indeed even only very too slowly quietly aloft ashore abroad aside half not soon later first awake overhead high close closer upright sideways asleep afloat aboard
    alive afraid
    """
)
VERB_FORMS = _words(
    """
    is are was were be been being am has have had having do does did will would can could shall should may might must isn't aren't
    wasn't doesn't don't didn't can't won't
    arose ate awoke became began bent bit blew bore bought bound bred broke brought built burnt came caught chose clung crept dealt
    drank dreamt drew drove dug fell fled flew flung forgot fought found froze gave got grew ground hears heard held hid hung kept
    knelt knew laid leapt learnt left lent lit lost made meant met paid ran rang rode rose said sang sank sat sent sewn shook shone
    shown slept slid slung snuck sold sought spent spoke sprang spun stole stood strode struck stuck stung swam swept swore
    swung taught thought threw threw told took tore understood went wept woke won wore wove wrote wrung caught worn torn thrown
    driven given taken seen shaken hidden frozen drawn flown born bitten beaten
    """
)
"""Auxiliaries and irregular pasts."""
PAST_NOUNS = _words(
    "shaken stolen broken fallen drawn beaten ground rose bit bore bound found left lit cut set put spread lost saw felt worn torn hidden frozen driven given"
)

BREAKS = _words(
    """
    and or but nor yet so than that which who whom whose where when while whenever once since because although though if until as
    unless whereas in on at by with under over above below behind before after beside besides beneath between near inside outside
    across against along alongside among amongst around round through throughout during from to into onto upon within without amid
    amidst toward towards next atop past of for off up down out about like despite via per except beyond underneath opposite aboard
    astride versus plus it its we i you nobody nothing none something anything everything see he she they him them himself herself themselves itself me us us see what how why then not
    holding wearing
    """
)
"""Prepositions, conjunctions, relative and other pronouns: none of these is part of a noun phrase."""
INTRODUCTIONS = _words(
    """
    in on at by with under over above below behind before after beside beneath between near inside outside across against along
    alongside among around through throughout during from to into onto upon within without amid amidst toward towards next atop past
    as while when whenever once since because although though if until of high deep far just right somewhere despite beyond underneath
    opposite aboard back down up
    """
)
PREPOSITIONS = _words(
    """
    in on at by with under over above below behind before after beside beneath between near inside outside across against along
    among around through during from to into onto upon within amid toward towards past of for like
    """
)
DEGREES = _words(
    "very only once most almost still already now newly rather quite so too always never ever just first"
)
"""Words in front of an adjective."""
POSTURES = _words(
    "stand sit lie kneel wait crouch step walk ride come emerge appear peek hide sleep lean hang live"
)
""" "In the doorway stands a figure": the subject follows its verb."""
SHOWING = _words(
    "follow track show feature film circle capture reveal depict catch find see introduce portray imagine picture watch"
)
NAMING = _words("named called")
DETERMINERS = _words(
    "a an the this that these those one another some each every my your his her our their either any both"
)
SINGULAR_DETERMINERS = _words("a an this that one another each every")
NUMBERS = _words(
    "two three four five six seven eight nine ten several many few dozens hundreds twin"
)
STARTS_NO_NOUN = BREAKS | DETERMINERS | VERB_FORMS
NO_NOUNS = STARTS_NO_NOUN | ADVERBS
SKIPPED = (BREAKS - DETERMINERS) | VERB_FORMS
"""Words at which no noun phrase begins."""

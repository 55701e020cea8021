"""Everything that can be named in the world, with its wording and its colour (RGB in [0, 1])."""

from __future__ import annotations

Colour = tuple[float, float, float]

ROLES: dict[str, Colour] = {  # role -> colour of the clothes; the plain person wears one of SHIRTS
    "person": (0.0, 0.0, 0.0),
    "chef": (0.95, 0.95, 0.95),
    "construction worker": (0.95, 0.50, 0.10),
    "king": (0.50, 0.15, 0.55),
    "cowboy": (0.55, 0.35, 0.18),
    "doctor": (0.90, 0.95, 0.98),
    "astronaut": (0.88, 0.89, 0.92),
    "firefighter": (0.14, 0.16, 0.27),
    "knight": (0.58, 0.61, 0.66),
    "welder": (0.32, 0.25, 0.22),
}
ROLE_NAMES = tuple(ROLES)
PLAIN, CHEF, BUILDER, KING, COWBOY, DOCTOR, ASTRONAUT, FIREFIGHTER, KNIGHT, WELDER = range(10)
FIRST_HIDING_ROLE = (
    DOCTOR  # these wear a mask, visor or helmet over the face unless it is shown open
)

SETTINGS = {
    "beach": "on a sunny beach",
    "kitchen": "in a kitchen",
    "street": "on a city street",
    "space": "in outer space",
    "forest": "in a green forest",
    "snow": "in the snow",
}
SETTING_TEXTS = tuple(SETTINGS.values())
STUDIO = len(SETTING_TEXTS)  # the plain backdrop of portraits; it has no wording

ACTIONS = {
    "nod": ("nodding", "nodding gently"),
    "turn": ("looking around", "turning the head from side to side"),
    "walk": ("walking by", "walking across the scene"),
    "wave": ("waving hello", "waving a hand"),
    "jump": ("jumping", "jumping up and down"),
    "zoom": ("while the camera zooms in", "in a slow zoom-in shot"),
}
ACTION_TEXTS = tuple(ACTIONS.values())
NOD, TURN, WALK, WAVE, JUMP, ZOOM = range(6)

AGES = ("young", "middle-aged", "elderly")
GENDERS = ("man", "woman")
SKINS = {
    "pale": (0.99, 0.87, 0.78),
    "tan": (0.93, 0.74, 0.58),
    "brown": (0.72, 0.50, 0.34),
    "dark": (0.42, 0.27, 0.18),
}
HAIR_COLOURS = {
    "black": (0.07, 0.06, 0.08),
    "brown": (0.35, 0.20, 0.10),
    "blond": (0.90, 0.75, 0.35),
    "red": (0.72, 0.25, 0.08),
    "gray": (0.55, 0.55, 0.57),
    "white": (0.93, 0.93, 0.92),
}
HAIR_STYLES = (
    "a bald head",
    "short {colour} hair",
    "curly {colour} hair",
    "long straight {colour} hair",
    "a {colour} bob",
    "{colour} hair in a bun",
    "spiky {colour} hair",
)
BALD, SHORT, CURLY, LONG, BOB, BUN, SPIKY = range(7)
EYE_COLOURS = {
    "brown": (0.35, 0.20, 0.08),
    "blue": (0.15, 0.40, 0.90),
    "green": (0.15, 0.60, 0.25),
    "gray": (0.45, 0.50, 0.55),
    "amber": (0.85, 0.55, 0.10),
}
FACIAL_HAIR = ("", "a mustache", "a full beard", "a goatee")
MUSTACHE, BEARD, GOATEE = 1, 2, 3
GLASSES = ("", "round glasses", "square glasses")
ROUND, SQUARE = 1, 2

SHIRTS: tuple[Colour, ...] = (
    (0.80, 0.20, 0.20),
    (0.20, 0.35, 0.75),
    (0.20, 0.60, 0.35),
    (0.85, 0.75, 0.25),
    (0.55, 0.30, 0.65),
    (0.30, 0.30, 0.33),
)

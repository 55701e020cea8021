"""What one rater may see and do: their list, their next pairs, their votes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from tpige_kedro.study.dealing import deal
from tpige_kedro.study.links import moment, token_hash
from tpige_kedro.study.names import meaningless
from tpige_kedro.study.on_disk import Clip, Current, StudyOnDisk
from tpige_kedro.study.page.asked import DAY, Sent, in_pair, on_page, other
from tpige_kedro.study.pairs import Pair
from tpige_kedro.study.votes_store import Place, Vote, VotesStore

EARLY = 0.25  # seconds that a clip may seem to end before its time, as clocks and players differ


class Refused(Exception):
    """A request that cannot be met: its HTTP status, and one word for the page."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status, self.word = status, word


class Shown(NamedTuple):
    """A pair of a rater's list."""

    place: Place
    pair: Pair


@dataclass(frozen=True)
class Rater:
    """A rater whose link works. Raises :class:`Refused` in all its methods."""

    code: str
    has_agreed: bool
    store: VotesStore
    current: Current

    @classmethod
    def of(cls, token: str, store: VotesStore, current: Current) -> Rater:
        """Whose link has this token."""
        found = store.rater(token_hash(token))
        if found is None:
            raise Refused(404, "unknown")
        code, expires, has_agreed = found
        if expires and expires <= moment(datetime.now(UTC)):
            raise Refused(410, "expired")
        return cls(code, has_agreed, store, current)

    def state(self) -> dict[str, Any]:
        """What the page needs to begin or to resume."""
        study = self.current.study()
        about = study.about
        found = {
            "agreed": self.has_agreed,
            "questions": about["questions"],
            "words": about["words"],
        }
        if not self.has_agreed:
            return found
        shown, answers = self.current.shown(), self.store.answers(self.code)
        pairs = [
            {"place": place.place, "done": self._is_done(study, answers.get(place.pair_id, {}))}
            for place in self._list(study)
            if place.pair_id in shown
        ]
        return found | {"pairs": pairs, "break_after": about["break_after"]}

    def pair(self, number: int) -> dict[str, Any]:
        """One pair, which is thereby opened: its prompt, and what was answered."""
        study, shown = self._shown(number)
        self.store.opened(self.code, study.study, number, time.time())
        given = self.store.answers(self.code).get(shown.place.pair_id, {})
        answers = {question: on_page(a, shown.place.left) for question, a in given.items()}
        return {"prompt": study.about["prompts"].get(shown.pair.reference, ""), "answers": answers}

    def clip(self, number: int, side: str) -> Clip:
        """The clip of a side."""
        study, shown = self._shown(number)
        clip = study.clip(self._name(shown, side))
        if clip is None:
            raise Refused(410, "removed")
        return clip

    def sent(self, number: int, side: str) -> None:
        """Every byte of that clip went out."""
        self.store.sent(self.code, self.current.study().study, number, side)

    def picture(self, number: int) -> Any:
        """The file of the reference picture."""
        study, shown = self._shown(number)
        return study.picture(shown.pair.reference)

    def vote(self, number: int, sent: Sent) -> None:
        """Write a vote. It counts when both clips were sent whole and could have been played to their ends since the pair was opened.

        "Can't say" needs neither: it is also the answer to a clip that does not play.
        """
        study, shown = self._shown(number)
        place = shown.place
        is_first = not self.store.answers(self.code).get(place.pair_id)
        if place.opened_at is None or (
            is_first and sent.answer != "unsure" and not self._could_play(study, shown)
        ):
            raise Refused(409, "watch")
        vote = Vote(
            vote_id=sent.vote_id,
            rater=self.code,
            pair_id=place.pair_id,
            question=sent.question,
            answer=in_pair(sent.answer, place.left),
            left=place.left,
            seconds=round(min(sent.seconds, DAY), 3),
            voted_at=moment(datetime.now(UTC)),
        )
        if not self.store.add(vote):
            raise Refused(409, "taken")

    def agree(self) -> None:
        """Consent to take part."""
        self.store.agree(self.code, moment(datetime.now(UTC)))

    def forget(self) -> None:
        """Delete the rater's votes."""
        self.store.forget_rater(self.code)

    def _could_play(self, study: StudyOnDisk, shown: Shown) -> bool:
        clips = [study.clip(self._name(shown, side)) for side in ("left", "right")]
        lasts = max((clip.seconds for clip in clips if clip), default=0.0)
        place = shown.place
        since = time.time() - (place.opened_at or 0.0)
        return place.sent_left and place.sent_right and since >= lasts - EARLY

    def _name(self, shown: Shown, side: str) -> str:
        which = shown.place.left if side == "left" else other(shown.place.left)
        return shown.pair.clip_a if which == "a" else shown.pair.clip_b

    def _shown(self, number: int) -> tuple[StudyOnDisk, Shown]:
        if not self.has_agreed:
            raise Refused(403, "agree")
        study = self.current.study()
        place = self.store.place(self.code, study.study, number)
        if place is None:
            raise Refused(404, "not asked")
        pair = study.pairs.get(place.pair_id)
        if pair is None or not self.current.may_show(pair):
            raise Refused(410, "removed")
        return study, Shown(place, pair)

    def _list(self, study: StudyOnDisk) -> list[Place]:
        """The rater's list, dealt when it is first asked for."""
        if not (places := self.store.places(self.code, study.study)):
            may = self.current.shown()
            kinds = {
                name: kind
                for name, kind in study.kinds.items()
                if name in may and (not kind.repeats or kind.repeats in may)
            }
            seed = int(meaningless(study.study, self.code), 16)
            votes = self.store.counts(study.study, moment(datetime.now(UTC)))
            size = study.about["pairs_per_rater"]
            dealt = deal(kinds, votes, size, np.random.default_rng(seed))
            self.store.keep_list(self.code, study.study, dealt)
            places = self.store.places(self.code, study.study)
        return places

    @staticmethod
    def _is_done(study: StudyOnDisk, answers: dict[str, str]) -> bool:
        return all(question in answers for question in study.about["questions"])

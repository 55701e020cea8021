"""Every column of the score tables: what it is called in print, its range, which way is better, and where it comes from."""

from __future__ import annotations

from math import inf

from tpige_kedro.metrics.protocol import MetricSpec

TEXT32 = "the prompt's first 77 tokens and 32 even frames, all of a shorter clip"
CROPS = "face crops of 224 pixels, upright: of 16 even frames of all clips of a variant, and of each reference once"
TEXT16_ENHANCED = "the enhanced prompt and the same 16 frames"
TEXT16 = "the original prompt and 16 even frames, all of a shorter clip"
FACES = "16 even frames, repeated in a shorter clip; the largest face of each"
PAIRS = "every odd frame against its prediction from the even ones beside it, in 8-bit values"
EVERY_FRAME = "all frames, the longer side at most 512 pixels"
DISTINCT_FACES = "the different ones of 16 even frames that show a face, two at least"
NEIGHBOURS = "all neighbouring frames in grey, the longer side at most 128 pixels"
FROM_PARTS = "the metrics of the same clip; missing if one of them is"

GME_SCORE = MetricSpec(
    "gme_score",
    "GMEScore",
    -1,
    1,
    "higher",
    "text-image alignment, mean over 16 frames (paper section 3.5)",
    TEXT16,
)
CUR_SCORE = MetricSpec(
    "cur_score",
    "CurScore",
    0,
    1,
    "higher",
    "face similarity by CurricularFace, mean over frames with a face, 0 if there is none (paper section 3.5)",
    FACES,
)
ARC_SCORE = MetricSpec(
    "arc_score",
    "ArcScore",
    0,
    1,
    "higher",
    "face similarity by ArcFace, mean over frames with a face, 0 if there is none (paper section 3.5)",
    FACES,
)
FACE_FEATURE_SQDIST = MetricSpec(
    "face_feature_sqdist",
    "FID*",
    0,
    inf,
    "lower",
    "squared distance of face features; the paper prints it as FID",
    FACES,
)
MOTION_SMOOTHNESS = MetricSpec(
    "motion_smoothness",
    "Motion",
    0,
    1,
    "higher",
    "predictability of every second frame (VBench motion smoothness)",
    PAIRS,
)
IMAGING_QUALITY = MetricSpec(
    "imaging_quality",
    "Imaging",
    0,
    1,
    "higher",
    "freedom from blur, noise, over-exposure (VBench imaging quality)",
    EVERY_FRAME,
)
OVERALL = MetricSpec(
    "overall",
    "Overall",
    0,
    1,
    "higher",
    "0.3 GME + 0.2 (Cur + Arc) + 0.15 (Motion + Imaging), weights in scoring.overall",
    FROM_PARTS,
)
FACE_RATE = MetricSpec(
    "face_rate",
    "Face rate",
    0,
    1,
    "higher",
    "share of sampled frames with a face; ours, beside the published metrics",
    FACES,
)
CUR_MISSING_AS_ZERO = MetricSpec(
    "cur_score_missing_as_zero",
    "Cur, all frames",
    0,
    1,
    "higher",
    "CurScore where a frame without a face counts 0",
    FACES,
)
ARC_MISSING_AS_ZERO = MetricSpec(
    "arc_score_missing_as_zero",
    "Arc, all frames",
    0,
    1,
    "higher",
    "ArcScore where a frame without a face counts 0",
    FACES,
)
CUR_WORST_FRAME = MetricSpec(
    "cur_score_worst_frame",
    "Cur, worst frame",
    0,
    1,
    "higher",
    "CurScore of the least similar frame with a face",
    FACES,
)
ARC_WORST_FRAME = MetricSpec(
    "arc_score_worst_frame",
    "Arc, worst frame",
    0,
    1,
    "higher",
    "ArcScore of the least similar frame with a face",
    FACES,
)
MULTI_FACE_RATE = MetricSpec(
    "multi_face_rate",
    "Several faces",
    0,
    1,
    "lower",
    "share of sampled frames with more than one face, where only the largest is compared; ours",
    FACES,
)
IDENTITY_SPREAD = MetricSpec(
    "identity_spread",
    "Face changes",
    0,
    2,
    "lower",
    "how much the face changes within the clip: 1 - mean cosine of any two frames' ArcFace embeddings; ours",
    DISTINCT_FACES,
)
MOTION_AMPLITUDE = MetricSpec(
    "motion_amplitude",
    "Motion amplitude",
    0,
    inf,
    "higher",
    "mean optical flow in diagonals of the picture a second, 0 for a frozen clip; more is not better beyond what the prompt asks; ours",
    NEIGHBOURS,
)
FLICKER = MetricSpec(
    "flicker",
    "Flicker",
    0,
    1,
    "lower",
    "change from frame to frame that optical flow does not explain (warping error, mean absolute difference); ours",
    NEIGHBOURS,
)
GME_SCORE_ENHANCED = MetricSpec(
    "gme_score_enhanced",
    "GMEScore, enhanced prompt",
    -1,
    1,
    "higher",
    "GMEScore against the enhanced prompt; the paper's tables use the original one",
    TEXT16_ENHANCED,
)
CLIP_SCORE = MetricSpec(
    "clip_score",
    "CLIPScore",
    -1,
    1,
    "higher",
    "text-image cosine by CLIP ViT-B/16, mean over 32 frames, prompt cut at 77 tokens; printed times 100 by the paper",
    TEXT32,
)
CLIP_SCORE_ENHANCED = MetricSpec(
    "clip_score_enhanced",
    "CLIPScore, enhanced prompt",
    -1,
    1,
    "higher",
    "CLIPScore against the enhanced prompt",
    TEXT32,
)
CLIP_TRUNCATED = MetricSpec(
    "clip_truncated",
    "Prompt cut for CLIP",
    0,
    1,
    "lower",
    "1 where the original prompt has more than CLIP's 77 tokens; the mean is their share",
    "the whole original prompt",
)
CLIP_TRUNCATED_ENHANCED = MetricSpec(
    "clip_truncated_enhanced",
    "Enhanced prompt cut for CLIP",
    0,
    1,
    "lower",
    "1 where the enhanced prompt has more than CLIP's 77 tokens; the mean is their share",
    "the whole enhanced prompt",
)
FACE_FID = MetricSpec(
    "face_fid",
    "Face FID",
    0,
    inf,
    "lower",
    "Frechet distance of all face crops of a variant to those of the references, Inception 2015-12-05; a set, not a clip",
    CROPS,
)
FACE_KID = MetricSpec(
    "face_kid",
    "Face KID",
    -inf,
    inf,
    "lower",
    "kernel distance of the same sets, unbiased for few crops; prefer it below 2048",
    CROPS,
)

PAPER_METRICS = (  # in the order of the paper's tables
    GME_SCORE,
    CUR_SCORE,
    ARC_SCORE,
    MOTION_SMOOTHNESS,
    IMAGING_QUALITY,
    FACE_FEATURE_SQDIST,
    OVERALL,
)
BESIDE_THE_PAPER = (
    FACE_RATE,
    MULTI_FACE_RATE,
    CUR_MISSING_AS_ZERO,
    ARC_MISSING_AS_ZERO,
    CUR_WORST_FRAME,
    ARC_WORST_FRAME,
    IDENTITY_SPREAD,
    MOTION_AMPLITUDE,
    FLICKER,
    GME_SCORE_ENHANCED,
    CLIP_SCORE,
    CLIP_SCORE_ENHANCED,
    CLIP_TRUNCATED,
    CLIP_TRUNCATED_ENHANCED,
    FACE_FID,  # these two of a variant as a whole
    FACE_KID,
)
METRICS = {spec.name: spec for spec in PAPER_METRICS + BESIDE_THE_PAPER}

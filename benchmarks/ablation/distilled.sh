#!/usr/bin/env bash
# Distils the shipped mini VACE into a LoRA for 4 and 8 steps, then compares its clips with those of 20 steps on held-out pairs.
# Run: benchmarks/ablation/distilled.sh OUT [MINUTES]   (one GPU; MINUTES of training, by default as long as the recipe takes). The LoRA is
# OUT/vace_fast, written every half minute while it is trained; the table OUT/rows/table.md.
set -euo pipefail
out=$(realpath -m "$1") minutes=${2:-0}
cd "$(dirname "$0")/../.."
export PYTHONPATH=src${PYTHONPATH:+:$PYTHONPATH} HF_HUB_OFFLINE=1
mkdir -p "$out"
[ -e "$out/vace" ] || ln -s "$PWD/data/06_models/mini/vace" "$out/vace"
python -m tpige_kedro.mini.training --work "$out" --stages distilled --set "distilled_minutes=$minutes" ${RECIPE:-}
lora=$out/vace_fast/pytorch_lora_weights.safetensors
python -m benchmarks.ablation.distilled --lora "$lora" --out "$out/rows" ${ROWS:-}

#!/usr/bin/env bash
# Distils the shipped mini VACE into a LoRA for 4 and 8 steps, then compares its clips with those of 20 steps on held-out pairs.
# Run: benchmarks/price_list/distilled.sh OUT [MINUTES]   (one GPU; MINUTES of training, by default as long as the recipe takes). The LoRA is
# OUT/vace_fast, written every half minute while it is trained; the table OUT/rows/prices.md.
set -euo pipefail
out=$(realpath -m "$1") minutes=${2:-0}
cd "$(dirname "$0")/../.."
export PYTHONPATH=src${PYTHONPATH:+:$PYTHONPATH} HF_HUB_OFFLINE=1
mkdir -p "$out"
[ -e "$out/vace" ] || ln -s "$PWD/data/06_models/mini/vace" "$out/vace"
python -m tpige_kedro.mini.training --work "$out" --stages distilled --set "distilled_minutes=$minutes" ${RECIPE:-}
lora=$out/vace_fast/pytorch_lora_weights.safetensors
few=$(python -c 'from benchmarks.price_list.rows import FEW_STEPS; print(",".join(FEW_STEPS))')
python -m benchmarks.price_list.run --lora "$lora" --out "$out/rows" --rows "$few" ${ROWS:-}
python -m benchmarks.price_list.table "$out/rows"

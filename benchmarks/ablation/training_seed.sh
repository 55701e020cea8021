#!/usr/bin/env bash
# Another training seed, from rendering to its records in docs/evidence: VACE and Phantom on the shipped autoencoder, then the ablation.
# Run: benchmarks/ablation/training_seed.sh SEED WORK   (one GPU: 28 minutes on an H100). Started again, it goes on behind the last finished stage or row.
# Where there is no git, COMMIT says which commit this is.
set -euo pipefail
seed=$1 work=$(realpath -m "$2")
cd "$(dirname "$0")/../.."
if [ ! -e "$work/vace/vae" ]; then
    mkdir -p "$work/vace"
    rm -rf "$work/vace/vae.tmp" # of a copy that was cut off
    cp -r data/06_models/mini/vace/vae "$work/vace/vae.tmp"
    mv "$work/vace/vae.tmp" "$work/vace/vae"
fi
python -m tpige_kedro.mini.training --work "$work" --seed "$seed" --stages vae,vace,phantom
python -m benchmarks.ablation.run --models "$work" --out "$work/rows" --keep vace_pe_ge --minutes 60
device=$(python -c 'import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU")')
python -m benchmarks.ablation.collect --rows "$work/rows" --training-seed "$seed" --device "$device" \
    --torch "$(python -c 'import torch; print(torch.__version__)')" --commit "${COMMIT:-$(git rev-parse --short HEAD)}"

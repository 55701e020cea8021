"""Makes every row of the ablation on the mini models, clip by clip, for pairs of people and prompts that no training saw."""

"""The main job, stage by stage, over values; nothing below imports it."""

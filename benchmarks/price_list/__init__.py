"""What each acceleration costs in likeness on the mini models, against the seconds it saves on VACE-14B."""

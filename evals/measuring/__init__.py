"""Questions asked, answers measured, runs kept."""

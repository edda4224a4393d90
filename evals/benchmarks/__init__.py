"""Speed and quality beside other systems and beside an earlier run."""

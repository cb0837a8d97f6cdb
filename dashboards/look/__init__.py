"""How every page looks: frame, parts, figures, formats."""

"""Pure maths over ticks: validity, basis, primitives, and the features that strategies look at."""

"""The price stream that the markets settle on: the 60 s average of each coin, and its point price beside it."""

"""The catalogue: which venues and events are on sale, where, and at which price."""

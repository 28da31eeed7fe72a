"""A store to try things on: a till that takes orders from an outbox as badly as real ones do."""

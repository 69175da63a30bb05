<?php

declare(strict_types=1);

namespace Scenecast;

/** A user who is in a scene. */
final class Member
{
    /**
     * @param int                          $connections 0: the user has left, and may be back in a moment
     * @param \DateTimeImmutable|null      $since       since when the user is there; null for a confined key
     * @param array<string, list<string>>  $labels      those that the setting presence shows
     */
    public function __construct(
        public readonly string $user,
        public readonly int $connections,
        public readonly ?\DateTimeImmutable $since,
        public readonly array $labels,
    ) {
    }

    /** @internal */
    public static function of(Answer $answer): self
    {
        return new self($answer->text('user'), $answer->int('connections', 0), $answer->time('since'), $answer->labels());
    }
}

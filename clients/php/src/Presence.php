<?php

declare(strict_types=1);

namespace Scenecast;

/** Who is in a scene. */
final class Presence
{
    /**
     * @param string       $key         a label's key
     * @param string       $value       and the value of it that is the scene
     * @param int          $count       members
     * @param int          $anonymous   connections without a user
     * @param int          $connections connections of everybody
     * @param list<Member> $members     all of them
     */
    public function __construct(
        public readonly string $key,
        public readonly string $value,
        public readonly int $count,
        public readonly int $anonymous,
        public readonly int $connections,
        public readonly array $members,
    ) {
    }

    /** Whether a user is there. */
    public function has(string|int $user): bool
    {
        return in_array((string) $user, $this->users(), true);
    }

    /** @return list<string> the users who are there */
    public function users(): array
    {
        return array_map(static fn (Member $member): string => $member->user, $this->members);
    }

    /** @internal */
    public static function of(Answer $answer): self
    {
        return new self(
            $answer->text('key'),
            $answer->text('value'),
            $answer->int('count', 0),
            $answer->int('anonymous', 0),
            $answer->int('connections', 0),
            array_map(Member::of(...), $answer->objects('members')),
        );
    }

    /** @internal The same with another page of members. */
    public function with(Answer $answer): self
    {
        $more = self::of($answer);
        return new self($more->key, $more->value, $more->count, $more->anonymous, $more->connections, [...$this->members, ...$more->members]);
    }
}

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

    /** @internal @param array<string, mixed> $answer */
    public static function of(array $answer): self
    {
        return new self(
            $answer['key'],
            $answer['value'],
            $answer['count'] ?? 0,
            $answer['anonymous'] ?? 0,
            $answer['connections'] ?? 0,
            array_map(Member::of(...), $answer['members'] ?? []),
        );
    }

    /** @internal The same with another page of members. @param array<string, mixed> $answer */
    public function with(array $answer): self
    {
        $more = self::of($answer);
        return new self($more->key, $more->value, $more->count, $more->anonymous, $more->connections, [...$this->members, ...$more->members]);
    }
}

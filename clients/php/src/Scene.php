<?php

declare(strict_types=1);

namespace Scenecast;

/** A scene in which somebody is. */
final class Scene
{
    public function __construct(
        public readonly string $value,
        public readonly int $members,
        public readonly int $anonymous,
        public readonly int $connections,
    ) {
    }

    /** @internal @param array<string, mixed> $answer */
    public static function of(array $answer): self
    {
        return new self($answer['value'], $answer['members'] ?? 0, $answer['anonymous'] ?? 0, $answer['connections'] ?? 0);
    }
}

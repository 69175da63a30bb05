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

    /** @internal */
    public static function of(Answer $answer): self
    {
        return new self($answer->text('value'), $answer->int('members', 0), $answer->int('anonymous', 0), $answer->int('connections', 0));
    }
}

<?php

declare(strict_types=1);

namespace Scenecast;

/** A page that is connected. */
final class Connection
{
    /** @param array<string, list<string>> $labels the values of each label */
    public function __construct(public readonly string $id, public readonly array $labels)
    {
    }

    /** The first value of a label; null: it has none. */
    public function label(string $key): ?string
    {
        return $this->labels[$key][0] ?? null;
    }

    /** Whose page it is, by its token; null: the token does not say. */
    public function user(): ?string
    {
        return $this->label('@user');
    }

    /** @internal */
    public static function of(Answer $answer): self
    {
        return new self($answer->text('id'), $answer->labels());
    }
}

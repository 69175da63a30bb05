<?php

declare(strict_types=1);

namespace Scenecast;

use Scenecast\Exception\InvalidResponse;

/** @internal An object of the server's JSON. What is missing, or of another type than the API says, is an InvalidResponse. */
final class Answer
{
    /** @param array<mixed> $fields */
    private function __construct(private readonly array $fields)
    {
    }

    public static function of(mixed $value): self
    {
        return is_array($value) ? new self($value) : throw new InvalidResponse('the answer has ' . get_debug_type($value) . ' in the place of an object');
    }

    public function has(string $name): bool
    {
        return isset($this->fields[$name]);
    }

    public function text(string $name, ?string $otherwise = null): string
    {
        return $this->typed($name, is_string(...), $otherwise);
    }

    public function int(string $name, ?int $otherwise = null): int
    {
        return $this->typed($name, is_int(...), $otherwise);
    }

    public function intOrNull(string $name): ?int
    {
        return $this->has($name) ? $this->int($name) : null;
    }

    public function bool(string $name, bool $otherwise): bool
    {
        return $this->typed($name, is_bool(...), $otherwise);
    }

    public function time(string $name): ?\DateTimeImmutable
    {
        if (!$this->has($name)) {
            return null;
        }
        try {
            return new \DateTimeImmutable($this->text($name));
        } catch (\Exception $e) {
            throw new InvalidResponse("the answer has no time in $name", 0, $e);
        }
    }

    /** @return list<self> the objects of a list; of one that is missing, none */
    public function objects(string $name): array
    {
        return array_map(self::of(...), array_values($this->typed($name, is_array(...), [])));
    }

    /** @return list<array<mixed>> the same as the API tells them */
    public function arrays(string $name): array
    {
        return array_map(static fn (self $object): array => $object->fields, $this->objects($name));
    }

    /** @return array<string, list<string>> the values of each label */
    public function labels(): array
    {
        return array_map(static function (mixed $values): array {
            $values = array_values((array) $values);
            return array_filter($values, is_string(...)) === $values ? $values : throw new InvalidResponse('the answer has a label that is no text');
        }, $this->typed('labels', is_array(...), []));
    }

    private function typed(string $name, callable $is, mixed $otherwise): mixed
    {
        $value = $this->fields[$name] ?? $otherwise;
        return $is($value) ? $value : throw new InvalidResponse(
            $value === null ? "the answer has no $name: is this a Scenecast server?" : "the answer has " . get_debug_type($value) . " in $name",
        );
    }
}

<?php

declare(strict_types=1);

namespace Scenecast\Laravel;

use Scenecast\Push;

/** What toScenecast() of a notification may return, to say more than the message. */
final class ScenecastMessage
{
    /** @var array<string, list<mixed>> */
    private array $with = [];

    public function __construct(private readonly mixed $message)
    {
    }

    /** A name for it, in the place of the notification's class. */
    public function event(string $name): self
    {
        return $this->and('event', $name);
    }

    /** Pages that open within this time get it too. */
    public function ttl(int|float|string|\DateInterval $time): self
    {
        return $this->and('ttl', $time);
    }

    /** Replaces an older one with this key that waits for a slow page. */
    public function coalesce(string $key): self
    {
        return $this->and('coalesce', $key);
    }

    /** Whoever comes gets the newest one with this key. */
    public function retain(string $key, int|float|string|\DateInterval $ttl): self
    {
        return $this->and('retain', $key, $ttl);
    }

    private function and(string $method, mixed ...$arguments): self
    {
        $message = clone $this;
        $message->with[$method] = $arguments;
        return $message;
    }

    /** @internal */
    public function of(Push $push): Push
    {
        foreach ($this->with as $method => $arguments) {
            $push = $push->$method(...$arguments);
        }
        return $push->message($this->message);
    }
}

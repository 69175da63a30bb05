<?php

declare(strict_types=1);

namespace Scenecast\Laravel;

use Scenecast\Scenecast;

/**
 * A channel of an event that is broadcast: the pages of an audience, whatever they have subscribed to. Only the driver "scenecast" knows it.
 *
 *     public function broadcastOn() { return new AudienceChannel(['order' => $this->order->id]); }
 */
final class AudienceChannel implements \Stringable
{
    /** @var array<string, mixed>|string */
    public readonly array|string $audience;

    /** @param array<string, mixed>|string $audience labels, or a text, or '*' for everybody */
    public function __construct(array|string $audience)
    {
        $this->audience = Scenecast::audienceOf($audience);
    }

    public function __toString(): string
    {
        return is_string($this->audience) ? $this->audience : Scenecast::encode($this->audience);
    }
}

<?php

declare(strict_types=1);

namespace Scenecast;

/**
 * A push that is being put together. Every method but push() and count() returns another one and leaves this one as it is.
 */
final class Push
{
    /** @var array<string, mixed> */
    private array $fields;

    /**
     * @internal Scenecast::to() makes it.
     * @param array<string, mixed>|string $to
     */
    public function __construct(private readonly Scenecast $scenecast, array|string $to)
    {
        $this->fields = ['to' => Scenecast::audienceOf($to)];
    }

    /** Of the audience, who does not get it: an audience, or the ID of one connection. @param array<string, mixed>|string $audience */
    public function except(array|string $audience): self
    {
        return $this->with('except', Scenecast::audienceOf($audience));
    }

    /** The name of the message: the page script's on('name', …) gets it. At most 200 bytes. */
    public function event(string $name): self
    {
        return $this->with('event', $name);
    }

    /** Pages that open or come into the audience within this time get it too. Seconds, or a text such as '5m'. */
    public function ttl(int|float|string|\DateInterval $time): self
    {
        return $this->with('ttl', self::duration($time));
    }

    /** Of the messages that wait for a slow page, it takes the place of an older one with this key. */
    public function coalesce(string $key): self
    {
        return $this->with('coalesce', $key);
    }

    /** Whoever comes gets only the newest message with this key, as long as its ttl lasts. */
    public function retain(string $key, int|float|string|\DateInterval|null $ttl = null): self
    {
        $push = $this->with('retain', $key);
        return $ttl === null ? $push : $push->ttl($ttl);
    }

    /** Waits until the kernel of the server has taken it for every page, or the timeout is over. */
    public function written(int|float|string|\DateInterval $timeout = 5): self
    {
        return $this->with('receipt', 'written')->with('timeout', self::duration($timeout));
    }

    /** Waits until the pages' scripts say that they have handed it to the application, or the timeout is over. */
    public function acked(int|float|string|\DateInterval $timeout = 5): self
    {
        return $this->with('receipt', 'acked')->with('timeout', self::duration($timeout));
    }

    /** The receipt by its name: queued, written or acked. */
    public function receipt(string $receipt, int|float|string|\DateInterval|null $timeout = null): self
    {
        $push = $this->with('receipt', $receipt);
        return $timeout === null ? $push : $push->with('timeout', self::duration($timeout));
    }

    /** The push's name and idempotency key: pushes with the same one are sent once. Left out, one is made, so that the retry is safe. */
    public function id(string $id): self
    {
        return $this->with('id', $id);
    }

    /** Counts the audience and sends nothing. */
    public function dryRun(bool $dry = true): self
    {
        return $this->with('dry_run', $dry);
    }

    /** What is sent: anything that json_encode takes. For batch(); push() takes it as well. */
    public function message(mixed $message): self
    {
        return $this->with('message', $message);
    }

    /** Sends it. @param mixed $message anything that json_encode takes; left out: that of message() */
    public function push(mixed $message = null): PushResult
    {
        $push = func_num_args() > 0 ? $this->with('message', $message) : $this;
        return PushResult::of(Answer::of($this->scenecast->call('POST', '/v1/push', $push->body(), wait: $push->receiptTime(), retry: true)));
    }

    /** How many pages would get it now. Nothing is sent. */
    public function count(): int
    {
        return $this->dryRun()->push(null)->matched;
    }

    /** @internal @return array<string, mixed> */
    public function body(): array
    {
        $fields = $this->fields;
        if (!array_key_exists('message', $fields)) {
            throw new \InvalidArgumentException('a push needs a message');
        }
        if (empty($fields['dry_run'])) {
            $fields['id'] ??= Scenecast::newId();
        }
        return $fields;
    }

    /** @internal Seconds that the server waits for the receipt. */
    public function receiptTime(): float
    {
        if (!in_array($this->fields['receipt'] ?? 'queued', ['written', 'acked'], true)) {
            return 0.0;
        }
        return self::seconds($this->fields['timeout'] ?? '5s');
    }

    private function with(string $field, mixed $value): self
    {
        $push = clone $this;
        $push->fields[$field] = $value;
        return $push;
    }

    /** A length of time as the API writes it. */
    private static function duration(int|float|string|\DateInterval $time): string
    {
        if (is_string($time)) {
            return $time;
        }
        if ($time instanceof \DateInterval) {
            $origin = new \DateTimeImmutable('@0');
            $time = (float) $origin->add($time)->format('U.u');
        }
        if ($time < 0 || !is_finite((float) $time)) {
            throw new \InvalidArgumentException('a length of time is 0 seconds or more');
        }
        return sprintf('%dms', round($time * 1000));
    }

    /** Seconds of a length of time such as "1m30s". What the server does not take has 0: it says so. */
    private static function seconds(string $duration): float
    {
        $units = ['ns' => 1e-9, 'us' => 1e-6, 'µs' => 1e-6, 'ms' => 1e-3, 's' => 1, 'm' => 60, 'h' => 3600];
        preg_match_all('/([0-9.]+)(ns|us|µs|ms|s|m|h)/', $duration, $parts, PREG_SET_ORDER);
        return array_sum(array_map(static fn (array $part): float => (float) $part[1] * $units[$part[2]], $parts));
    }
}

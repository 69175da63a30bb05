<?php

declare(strict_types=1);

namespace Scenecast\Laravel\Testing;

use PHPUnit\Framework\Assert;
use Scenecast\Scenecast;
use Scenecast\Testing\FakeTransport;

/** What Scenecast::fake() puts in the place of the server: it keeps pushes, and answers as if one page had got each. */
final class ScenecastFake
{
    public readonly FakeTransport $transport;
    public readonly Scenecast $client;

    public function __construct()
    {
        $this->transport = new FakeTransport();
        $this->client = new Scenecast('http://scenecast.test', 'fake', transport: $this->transport);
    }

    /** @param array<mixed> $arguments */
    public function __call(string $method, array $arguments): mixed
    {
        return $this->client->$method(...$arguments);
    }

    /** @return list<array<string, mixed>> the pushes that would be sent, each with its fields as the API takes them */
    public function pushes(): array
    {
        return array_values(array_filter($this->transport->pushes(), static fn (array $push): bool => empty($push['dry_run'])));
    }

    /**
     * There was a push of which this is true; or, of no condition, any.
     *
     * @param (callable(array<string, mixed>): bool)|null $is gets its fields: to, message, event …
     */
    public function assertPushed(?callable $is = null, ?int $times = null): void
    {
        $found = count(array_filter($this->pushes(), $is ?? static fn (): bool => true));
        if ($times !== null) {
            Assert::assertSame($times, $found, 'Scenecast was to push that ' . $times . ' times, and has ' . $found . ' times. ' . $this->told());
            return;
        }
        Assert::assertGreaterThan(0, $found, 'Scenecast was to push that, and has not. ' . $this->told());
    }

    /** There was a push to this audience, with this message if one is given. @param array<string, mixed>|string $to */
    public function assertPushedTo(array|string $to, mixed $message = null): void
    {
        $to = Scenecast::audienceOf($to);
        $message = func_num_args() > 1 ? json_decode(Scenecast::encode($message), true) : null;
        $any = func_num_args() < 2;
        $this->assertPushed(static fn (array $push): bool => $push['to'] == $to && ($any || $push['message'] === $message));
    }

    public function assertPushedTimes(int $times): void
    {
        $this->assertPushed(times: $times);
    }

    public function assertNothingPushed(): void
    {
        Assert::assertSame([], $this->pushes(), 'Scenecast was to push nothing');
    }

    private function told(): string
    {
        return 'It has pushed ' . Scenecast::encode($this->pushes());
    }
}
